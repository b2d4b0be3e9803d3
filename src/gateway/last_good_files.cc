#include "gateway/last_good_files.h"

#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cerrno>
#include <filesystem>
#include <system_error>

namespace weir {
namespace {

namespace fs = std::filesystem;

constexpr std::string_view kEnding = ".lastgood";
constexpr std::string_view kTemporary = ".tmp";
constexpr std::size_t kFileMax = 16 * 1024 * 1024;  // what is kept, and all around it
constexpr auto kLeftFor = std::chrono::minutes(1);  // nobody writes for so long

std::string reason_of(int error) { return std::generic_category().message(error); }

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

// 0, or what went wrong. ENOENT: there is no file.
int read_all(const std::string& path, std::string& text) {
  // A pipe in the file's place would make the opening wait.
  const Descriptor file(::open(path.c_str(), O_RDONLY | O_CLOEXEC | O_NOFOLLOW | O_NONBLOCK));
  struct stat facts {};
  if (file.get() < 0 || ::fstat(file.get(), &facts) != 0) return errno;
  if (!S_ISREG(facts.st_mode)) return EINVAL;
  if (static_cast<std::size_t>(facts.st_size) > kFileMax) return EFBIG;
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

// A name that nobody else uses at this moment, beside the file.
std::string temporary_of(const std::string& path) {
  Digest chance{};
  const std::string bytes = secret_bytes(8);
  std::copy(bytes.begin(), bytes.end(), chance.begin());
  return path + '.' + hex(chance, 8) + std::string(kTemporary);
}

}  // namespace

std::string state_dir_fault(const std::string& folder) {
  std::error_code trouble;
  if (!fs::exists(folder, trouble)) {
    const fs::path above = fs::path(folder).parent_path();
    if (!above.empty()) fs::create_directories(above, trouble);
    if (trouble) return "cannot be made: " + trouble.message();
    if (::mkdir(folder.c_str(), 0700) != 0 && errno != EEXIST) return "cannot be made: " + reason_of(errno);
  }
  if (!fs::is_directory(folder, trouble)) return "is no directory";
  // What the permissions say and what works differ: a file system may be read-only.
  const std::string trial = temporary_of(folder + "/trial");
  const int fd = ::open(trial.c_str(), O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0600);
  if (fd < 0) return "cannot be written to: " + reason_of(errno);
  ::close(fd);
  ::unlink(trial.c_str());
  return {};
}

LastGoodFiles::LastGoodFiles(std::string folder, WallTime now, Trouble trouble)
    : folder_(std::move(folder)), trouble_(std::move(trouble)) {
  if (!folder_.empty()) clear_leftovers(now);
}

void LastGoodFiles::clear_leftovers(WallTime now) {
  std::error_code trouble;
  const std::string mark = std::string(kEnding) + '.';
  for (fs::directory_iterator at(folder_, trouble), end; !trouble && at != end; at.increment(trouble)) {
    const std::string name = at->path().filename().string();
    struct stat facts {};
    if (!name.ends_with(kTemporary) || name.find(mark) == std::string::npos) continue;
    if (::lstat(at->path().c_str(), &facts) != 0 || !S_ISREG(facts.st_mode)) continue;
    const WallTime changed = WallTime(std::chrono::seconds(facts.st_mtim.tv_sec));
    if (changed + kLeftFor < now) ::unlink(at->path().c_str());
  }
}

std::string LastGoodFiles::path_of(const std::string& server) const {
  // The name is for people; two servers whose names look alike are told apart by the hash.
  std::string name;
  for (const char c : server.substr(0, 40)) {
    const bool plain = (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') || c == '-';
    name += plain ? c : '_';
  }
  return folder_ + '/' + name + '-' + hex(sha256(server), 4) + std::string(kEnding);
}

bool LastGoodFiles::load(const std::string& server, LastGoodText& content) {
  if (folder_.empty()) return false;
  const std::string path = path_of(server);
  std::string text;
  std::string fault;
  const int error = read_all(path, text);
  if (error == ENOENT) return false;
  LastGoodText read;
  if (error != 0)
    fault = "cannot be read: " + reason_of(error);
  else if (read_last_good(text, read, fault) && read.server != server)
    fault = "is another server's";
  if (!fault.empty()) {
    if (trouble_) trouble_(server, "what was remembered is not used: " + path + ' ' + fault);
    return false;
  }
  written_[server] = sha256(text);
  content = std::move(read);
  return true;
}

// Empty, or why not.
std::string LastGoodFiles::replace(const std::string& path, const std::string& text) {
  const std::string temporary = temporary_of(path);
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
  const Descriptor folder(::open(folder_.c_str(), O_RDONLY | O_DIRECTORY | O_CLOEXEC));
  if (folder.get() >= 0)
    ::fsync(folder.get());  // the new file is there; only its name may not outlive a crash
  return {};
}

bool LastGoodFiles::save(const LastGoodText& content) {
  if (folder_.empty()) return true;
  const std::string text = write_last_good(content);
  const Digest digest = sha256(text);
  const auto known = written_.find(content.server);
  if (known != written_.end() && known->second == digest) return true;
  const std::string path = path_of(content.server);
  const std::string fault = replace(path, text);
  std::string& told = told_[content.server];
  if (!fault.empty() && told != fault && trouble_)
    trouble_(content.server, "what it offers is not remembered: " + path + " cannot be written: " + fault);
  told = fault;
  if (!fault.empty()) return false;
  written_[content.server] = digest;
  return true;
}

}  // namespace weir
