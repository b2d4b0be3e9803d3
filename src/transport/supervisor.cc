#include "transport/supervisor.h"

#include <dirent.h>
#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/signalfd.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <ctime>
#include <string>

namespace weir {
namespace {

constexpr int kPoliteMs = 1500;   // from the closing of stdin to SIGTERM
constexpr int kTermMs = 1500;     // from SIGTERM to SIGKILL
constexpr int kOrphanedMs = 200;  // from SIGTERM to SIGKILL when Weir itself has died

void say(char what, int number) {
  char line[32];
  const int size = std::snprintf(line, sizeof line, "%c %d\n", what, number);
  const ssize_t written = write(kStatusFd, line, static_cast<std::size_t>(size));
  (void)written;  // nobody may be left to read it
}

long now_ms() {
  timespec now{};
  clock_gettime(CLOCK_MONOTONIC, &now);
  return now.tv_sec * 1000 + now.tv_nsec / 1'000'000;
}

// Every process whose parent we are: with a subreaper, all that is left of the family ends up here.
void signal_children(int signal) {
  DIR* tasks = opendir("/proc/self/task");
  if (tasks == nullptr) return;
  while (const dirent* task = readdir(tasks)) {
    if (task->d_name[0] == '.') continue;
    char path[64];
    std::snprintf(path, sizeof path, "/proc/self/task/%.20s/children", task->d_name);
    std::FILE* file = std::fopen(path, "re");
    if (file == nullptr) continue;
    int pid = 0;
    while (std::fscanf(file, "%d", &pid) == 1) kill(pid, signal);
    std::fclose(file);
  }
  closedir(tasks);
}

// The program on PATH, as a shell would find it.
std::string find_program(const char* name) {
  if (std::strchr(name, '/') != nullptr) return name;
  const char* path = std::getenv("PATH");
  std::string rest = path == nullptr ? "/usr/local/bin:/usr/bin:/bin" : path;
  while (!rest.empty()) {
    const std::size_t colon = rest.find(':');
    const std::string folder = rest.substr(0, colon);
    const std::string whole = (folder.empty() ? "." : folder) + "/" + name;
    if (access(whole.c_str(), X_OK) == 0) return whole;
    if (colon == std::string::npos) break;
    rest.erase(0, colon + 1);
  }
  return {};
}

[[noreturn]] void become(char** command, int failure_fd, pid_t supervisor) {
  prctl(PR_SET_PDEATHSIG, SIGKILL);
  if (getppid() != supervisor) _exit(127);
  setpgid(0, 0);
  sigset_t none;
  sigemptyset(&none);
  sigprocmask(SIG_SETMASK, &none, nullptr);
  for (int one = 1; one < NSIG; ++one)
    if (one != SIGKILL && one != SIGSTOP) signal(one, SIG_DFL);
  if (const char* given = std::getenv(kSupervisorLimit)) {
    rlimit limit{};
    if (getrlimit(RLIMIT_NOFILE, &limit) == 0) {
      limit.rlim_cur = std::min<rlim_t>(std::strtoul(given, nullptr, 10), limit.rlim_max);
      setrlimit(RLIMIT_NOFILE, &limit);
    }
    unsetenv(kSupervisorLimit);
  }
  const std::string program = find_program(command[0]);
  if (program.empty())
    errno = ENOENT;
  else
    execv(program.c_str(), command);
  const int reason = errno;
  const ssize_t written = write(failure_fd, &reason, sizeof reason);
  (void)written;
  _exit(127);
}

/// The family and how far its end has come.
class Family {
 public:
  Family(pid_t child, int signals) : child_(child), signals_(signals) {}

  int live() {
    while (true) {
      if (!reap()) return 0;
      pollfd polled[2] = {{lifeline_, POLLIN, 0}, {signals_, POLLIN, 0}};
      const int got = poll(polled, 2, wait_ms());
      if (got < 0 && errno != EINTR) break;
      if (got > 0 && (polled[1].revents & POLLIN) != 0) {
        signalfd_siginfo info[8];
        const ssize_t size = read(signals_, info, sizeof info);
        (void)size;
      }
      if (got > 0 && polled[0].revents != 0) hear();
      escalate();
    }
    return 1;
  }

 private:
  // False when nobody is left.
  bool reap() {
    while (true) {
      int status = 0;
      const pid_t pid = waitpid(-1, &status, WNOHANG);
      if (pid == 0) return true;
      if (pid < 0) return errno == EINTR;
      if (pid != child_) continue;
      say(WIFEXITED(status) ? 'e' : 's', WIFEXITED(status) ? WEXITSTATUS(status) : WTERMSIG(status));
      // What the child leaves behind goes with it.
      begin_end(now_ms(), now_ms() + kOrphanedMs);
    }
  }

  void hear() {
    char word = 0;
    const ssize_t size = read(lifeline_, &word, 1);
    if (size == 1 && word == 'T') {
      begin_end(now_ms() + kPoliteMs, now_ms() + kPoliteMs + kTermMs);
    } else if (size <= 0) {
      lifeline_ = -1;
      begin_end(now_ms(), now_ms() + kOrphanedMs);
    }
  }

  void begin_end(long term_at, long kill_at) {
    if (term_at_ == 0 || term_at < term_at_) term_at_ = term_at;
    if (kill_at_ == 0 || kill_at < kill_at_) kill_at_ = kill_at;
  }

  void escalate() {
    const long now = now_ms();
    if (term_at_ != 0 && now >= term_at_ && !termed_) {
      termed_ = true;
      kill(-child_, SIGTERM);
      signal_children(SIGTERM);
    }
    if (kill_at_ != 0 && now >= kill_at_) {
      kill(-child_, SIGKILL);
      signal_children(SIGKILL);
      kill_at_ = now + 10;  // again: a dying parent hands its children to us one by one
    }
  }

  int wait_ms() const {
    long until = 0;
    if (term_at_ != 0 && !termed_)
      until = term_at_;
    else if (kill_at_ != 0)
      until = kill_at_;
    else
      return -1;
    const long left = until - now_ms();
    return left < 0 ? 0 : static_cast<int>(left);
  }

  const pid_t child_;
  const int signals_;
  int lifeline_ = kLifelineFd;
  long term_at_ = 0;
  long kill_at_ = 0;
  bool termed_ = false;
};

}  // namespace

bool is_supervisor(int argc, char** argv) { return argc > 2 && std::strcmp(argv[1], kSupervisorWord) == 0; }

int supervisor_main(int, char** argv) {
  prctl(PR_SET_CHILD_SUBREAPER, 1);
  prctl(PR_SET_NAME, "weir-supervisor");
  setpgid(0, 0);  // a terminal's Ctrl-C is Weir's business
  fcntl(kStatusFd, F_SETFD, FD_CLOEXEC);
  fcntl(kLifelineFd, F_SETFD, FD_CLOEXEC);
  syscall(SYS_close_range, 5U, ~0U, 0U);
  for (const int one : {SIGINT, SIGTERM, SIGHUP, SIGPIPE}) signal(one, SIG_IGN);
  sigset_t set;
  sigemptyset(&set);
  sigaddset(&set, SIGCHLD);
  sigprocmask(SIG_SETMASK, &set, nullptr);
  const int signals = signalfd(-1, &set, SFD_CLOEXEC | SFD_NONBLOCK);
  int failure[2] = {-1, -1};
  if (pipe2(failure, O_CLOEXEC) != 0) return 1;
  const pid_t self = getpid();
  const pid_t child = fork();
  if (child < 0) {
    say('x', errno);
    return 1;
  }
  if (child == 0) become(argv + 2, failure[1], self);
  close(failure[1]);
  // The child's pipes are its own: kept open here they would hide its death.
  const int nothing = open("/dev/null", O_RDWR | O_CLOEXEC);
  for (int fd = 0; fd < 3; ++fd) dup2(nothing, fd);
  int reason = 0;
  if (read(failure[0], &reason, sizeof reason) == static_cast<ssize_t>(sizeof reason)) {
    say('x', reason);
    waitpid(child, nullptr, 0);
    return 1;
  }
  close(failure[0]);
  say('p', child);
  return Family(child, signals).live();
}

}  // namespace weir
