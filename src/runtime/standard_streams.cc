#include "runtime/standard_streams.h"

#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cstdio>
#include <initializer_list>

namespace weir {
namespace {

// Not blocking is a property of the open file, which a terminal or a shell's pipe shares with others: where
// it can be opened once more it is ours alone. A socket can't; and a pipe that is opened for reading after
// its last writer has gone does not tell of its end.
int own_copy(int fd, int flags) noexcept {
  struct stat found {};
  const bool known = ::fstat(fd, &found) == 0;
  if (known && (S_ISCHR(found.st_mode) || (S_ISFIFO(found.st_mode) && flags == O_WRONLY))) {
    char path[32];
    std::snprintf(path, sizeof path, "/proc/self/fd/%d", fd);
    const int again = ::open(path, flags | O_NONBLOCK | O_CLOEXEC | O_NOCTTY);
    if (again > 2) return again;
    if (again >= 0) ::close(again);
  }
  return ::fcntl(fd, F_DUPFD_CLOEXEC, 3);
}

}  // namespace

StandardStreams take_standard_streams() noexcept {
  // A closed one would be given to the next file that is opened.
  const int null = ::open("/dev/null", O_RDWR | O_CLOEXEC);
  for (const int fd : {0, 1, 2})
    if (::fcntl(fd, F_GETFD) < 0 && null >= 0 && null != fd) ::dup2(null, fd);
  StandardStreams streams;
  streams.in = own_copy(0, O_RDONLY);
  streams.out = own_copy(1, O_WRONLY);
  if (null >= 0) ::dup2(null, 0);
  ::dup2(2, 1);
  if (null > 2) ::close(null);
  return streams;
}

}  // namespace weir
