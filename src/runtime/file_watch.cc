#include "runtime/file_watch.h"

#include <sys/inotify.h>

#include <cerrno>
#include <cstring>
#include <filesystem>
#include <utility>

#include "runtime/shard.h"
#include "runtime/waiter.h"

namespace weir {
namespace {

namespace fs = std::filesystem;
constexpr std::uint32_t kChanges = IN_CLOSE_WRITE | IN_MOVED_TO | IN_CREATE | IN_DELETE | IN_MOVED_FROM;
constexpr int kLinksMax = 8;  // a chain of links, as a Kubernetes volume has

}  // namespace

FileWatch::FileWatch(std::unique_ptr<Stream> stream, int fd, std::string path)
    : channel_(std::move(stream)), fd_(fd), path_(std::move(path)) {}

Result<std::unique_ptr<FileWatch>> FileWatch::start(Network& network, const std::string& path) {
  const int fd = ::inotify_init1(IN_NONBLOCK | IN_CLOEXEC);
  if (fd < 0)
    return fail(Error::Kind::internal, Error::Side::gateway, Error::Sent::no,
                std::string("inotify: ") + std::strerror(errno));
  Result<std::unique_ptr<Stream>> stream = network.adopt(fd, -1, "file watch");
  if (!stream) return fail(stream.error());
  std::error_code error;
  const fs::path absolute = fs::absolute(path, error);
  std::unique_ptr<FileWatch> watch(new FileWatch(std::move(*stream), fd, absolute.string()));
  watch->watch_folders();
  if (watch->watched_.empty())
    return fail(Error::Kind::internal, Error::Side::gateway, Error::Sent::no,
                "cannot watch the folder of " + path);
  return watch;
}

void FileWatch::watch_folders() {
  // The file's own folder, and that of each link on the way to the content.
  std::vector<std::pair<int, std::string>> next;
  fs::path at = path_;
  std::error_code error;
  for (int i = 0; i < kLinksMax; ++i) {
    const int id = ::inotify_add_watch(fd_, at.parent_path().c_str(), kChanges);
    if (id >= 0) next.emplace_back(id, at.filename().string());
    // A folder on the way may itself be a link (a Kubernetes volume's ..data).
    const fs::path parent = at.parent_path();
    if (fs::is_symlink(parent, error)) {
      const int above = ::inotify_add_watch(fd_, parent.parent_path().c_str(), kChanges);
      if (above >= 0) next.emplace_back(above, parent.filename().string());
    }
    if (!fs::is_symlink(at, error)) break;
    const fs::path target = fs::read_symlink(at, error);
    if (error) break;
    at = target.is_absolute() ? target : at.parent_path() / target;
    at = at.lexically_normal();
  }
  for (const auto& [id, name] : watched_) {
    bool kept = false;
    for (const auto& [other, other_name] : next) kept = kept || other == id;
    if (!kept) (void)::inotify_rm_watch(fd_, id);
  }
  watched_ = std::move(next);
}

bool FileWatch::take_events() {
  bool ours = false;
  while (channel_.pending().size() >= sizeof(inotify_event)) {
    inotify_event event;
    std::memcpy(&event, channel_.pending().data(), sizeof event);
    const std::size_t size = sizeof event + event.len;
    if (channel_.pending().size() < size) break;
    const std::string name(channel_.pending().data() + sizeof event,
                           ::strnlen(channel_.pending().data() + sizeof event, event.len));
    channel_.consume(size);
    if ((event.mask & IN_Q_OVERFLOW) != 0) ours = true;
    for (const auto& [id, watched_name] : watched_) ours = ours || (id == event.wd && watched_name == name);
  }
  return ours;
}

Task<Result<void>> FileWatch::next(Duration quiet, CancelScope& cancel) {
  bool changed = false;
  while (true) {
    const TimePoint until = changed ? Shard::current().now() + quiet : kForever;
    const Result<std::size_t> got = co_await channel_.fill(until, &cancel);
    if (!got) {
      if (changed && got.error().kind() == Error::Kind::deadline_exceeded) {
        watch_folders();
        co_return Result<void>();
      }
      co_return fail(got.error());
    }
    if (*got == 0)
      co_return fail(Error::Kind::internal, Error::Side::gateway, Error::Sent::no, "file watch ended");
    if (take_events()) changed = true;
  }
}

}  // namespace weir
