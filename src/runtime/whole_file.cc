#include "runtime/whole_file.h"

#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <filesystem>
#include <system_error>

#include "base/digest.h"

namespace weir {
namespace {

namespace fs = std::filesystem;

constexpr std::string_view kTemporary = ".tmp";
constexpr auto kLeftFor = std::chrono::minutes(1);  // nobody writes for so long

/// A descriptor that closes.
class Descriptor {
 public:
  explicit Descriptor(int fd) noexcept : fd_(fd) {}
  ~Descriptor() {
    if (fd_ >= 0) ::close(fd_);
  }
  Descriptor(const Descriptor&) = delete;
  Descriptor& operator=(const Descriptor&) = delete;
  int get() const noexcept { return fd_; }

 private:
  int fd_;
};

bool write_all(int fd, std::string_view text) {
  while (!text.empty()) {
    const ssize_t count = ::write(fd, text.data(), text.size());
    if (count < 0 && errno == EINTR) continue;
    if (count <= 0) return false;
    text.remove_prefix(static_cast<std::size_t>(count));
  }
  return true;
}

}  // namespace

std::string reason_of(int error) { return std::generic_category().message(error); }

int read_file(const std::string& path, std::size_t bytes_max, std::string& text) {
  // A pipe in the file's place would make the opening wait.
  const Descriptor file(::open(path.c_str(), O_RDONLY | O_CLOEXEC | O_NOFOLLOW | O_NONBLOCK));
  struct stat facts {};
  if (file.get() < 0 || ::fstat(file.get(), &facts) != 0) return errno;
  if (!S_ISREG(facts.st_mode)) return EINVAL;
  if (static_cast<std::size_t>(facts.st_size) > bytes_max) return EFBIG;
  text.resize(static_cast<std::size_t>(facts.st_size));
  std::size_t got = 0;
  while (got < text.size()) {
    const ssize_t count = ::read(file.get(), text.data() + got, text.size() - got);
    if (count < 0 && errno == EINTR) continue;
    if (count < 0) return errno;
    if (count == 0) break;
    got += static_cast<std::size_t>(count);
  }
  text.resize(got);
  return 0;
}

std::string temporary_beside(const std::string& path) {
  Digest chance{};
  const std::string bytes = secret_bytes(8);
  std::copy(bytes.begin(), bytes.end(), chance.begin());
  return path + '.' + hex(chance, 8) + std::string(kTemporary);
}

std::string replace_file(const std::string& path, std::string_view text) {
  const std::string temporary = temporary_beside(path);
  {
    const Descriptor file(
        ::open(temporary.c_str(), O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC | O_NOFOLLOW, 0600));
    if (file.get() < 0) return reason_of(errno);
    if (!write_all(file.get(), text) || ::fsync(file.get()) != 0) {
      const int error = errno;
      ::unlink(temporary.c_str());
      return reason_of(error);
    }
  }
  if (::rename(temporary.c_str(), path.c_str()) != 0) {
    const int error = errno;
    ::unlink(temporary.c_str());
    return reason_of(error);
  }
  const std::string above = fs::path(path).parent_path().string();
  const Descriptor folder(::open(above.empty() ? "." : above.c_str(), O_RDONLY | O_DIRECTORY | O_CLOEXEC));
  if (folder.get() >= 0)
    ::fsync(folder.get());  // the new file is there; only its name may not outlive a crash
  return {};
}

void clear_leftovers(const std::string& folder, std::string_view ending, WallTime now) {
  std::error_code trouble;
  const std::string mark = std::string(ending) + '.';
  for (fs::directory_iterator at(folder, trouble), end; !trouble && at != end; at.increment(trouble)) {
    const std::string name = at->path().filename().string();
    struct stat facts {};
    if (!name.ends_with(kTemporary) || name.find(mark) == std::string::npos) continue;
    if (::lstat(at->path().c_str(), &facts) != 0 || !S_ISREG(facts.st_mode)) continue;
    const WallTime changed = WallTime(std::chrono::seconds(facts.st_mtim.tv_sec));
    if (changed + kLeftFor < now) ::unlink(at->path().c_str());
  }
}

}  // namespace weir
