#include "gateway/last_good_files.h"

#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cerrno>
#include <filesystem>
#include <system_error>

#include "runtime/whole_file.h"

namespace weir {
namespace {

namespace fs = std::filesystem;

constexpr std::string_view kEnding = ".lastgood";
constexpr std::size_t kFileMax = 16 * 1024 * 1024;  // what is kept, and all around it

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
  const std::string trial = temporary_beside(folder + "/trial");
  const int fd = ::open(trial.c_str(), O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0600);
  if (fd < 0) return "cannot be written to: " + reason_of(errno);
  ::close(fd);
  ::unlink(trial.c_str());
  return {};
}

LastGoodFiles::LastGoodFiles(std::string folder, WallTime now, Trouble trouble)
    : folder_(std::move(folder)), trouble_(std::move(trouble)) {
  if (!folder_.empty()) clear_leftovers(folder_, kEnding, now);
}

std::string file_name_of(const std::string& server) {
  // The name is for people; two servers whose names look alike are told apart by the hash.
  std::string name;
  for (const char c : server.substr(0, 40)) {
    const bool plain = (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') || c == '-';
    name += plain ? c : '_';
  }
  return name + '-' + hex(sha256(server), 4);
}

std::string LastGoodFiles::path_of(const std::string& server) const {
  return folder_ + '/' + file_name_of(server) + std::string(kEnding);
}

bool LastGoodFiles::load(const std::string& server, LastGoodText& content) {
  if (folder_.empty()) return false;
  const std::string path = path_of(server);
  std::string text;
  std::string fault;
  const int error = read_file(path, kFileMax, text);
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

bool LastGoodFiles::save(const LastGoodText& content) {
  if (folder_.empty()) return true;
  const std::string text = write_last_good(content);
  const Digest digest = sha256(text);
  const auto known = written_.find(content.server);
  if (known != written_.end() && known->second == digest) return true;
  const std::string path = path_of(content.server);
  const std::string fault = replace_file(path, text);
  std::string& told = told_[content.server];
  if (!fault.empty() && told != fault && trouble_)
    trouble_(content.server, "what it offers is not remembered: " + path + " cannot be written: " + fault);
  told = fault;
  if (!fault.empty()) return false;
  written_[content.server] = digest;
  return true;
}

}  // namespace weir
