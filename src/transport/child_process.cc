#include "transport/child_process.h"

#include <fcntl.h>
#include <signal.h>
#include <spawn.h>
#include <sys/wait.h>
#include <unistd.h>

#include <array>
#include <cerrno>
#include <charconv>
#include <cstring>

#include "runtime/descriptors.h"
#include "transport/supervisor.h"

extern char** environ;

namespace weir {
namespace {

constexpr std::array<std::string_view, 9> kUsual = {"HOME", "LOGNAME", "PATH",     "SHELL", "TERM",
                                                    "USER", "LANG",    "LANGUAGE", "TMPDIR"};

/// Two ends of a pipe or of /dev/null; closed unless taken.
struct Ends {
  int read = -1;
  int write = -1;
  ~Ends() {
    if (read >= 0) ::close(read);
    if (write >= 0) ::close(write);
  }
  bool open() {
    int both[2];
    if (pipe2(both, O_CLOEXEC) != 0) return false;
    read = both[0];
    write = both[1];
    return true;
  }
  static int take(int& end) { return std::exchange(end, -1); }
};

auto refuse(int reason, const char* doing) {
  return fail(Error::Kind::unreachable, Error::Side::upstream, Error::Sent::no,
              std::string(doing) + ": " + std::strerror(reason));
}

void unblock(int fd) { ::fcntl(fd, F_SETFL, ::fcntl(fd, F_GETFL) | O_NONBLOCK); }

std::vector<char*> pointers(std::vector<std::string>& texts) {
  std::vector<char*> out;
  for (std::string& text : texts) out.push_back(text.data());
  out.push_back(nullptr);
  return out;
}

}  // namespace

std::vector<std::string> usual_environment(char** from) {
  std::vector<std::string> out;
  for (char** at = from; *at != nullptr; ++at) {
    const std::string_view entry = *at;
    const std::string_view name = entry.substr(0, entry.find('='));
    bool usual = name.starts_with("LC_");
    for (const std::string_view one : kUsual) usual = usual || one == name;
    if (usual) out.emplace_back(entry);
  }
  return out;
}

ChildProcess::ChildProcess(std::string command, std::unique_ptr<Stream> wire, std::unique_ptr<Stream> diary,
                           std::unique_ptr<Stream> status, int lifeline, pid_t supervisor)
    : command_(std::move(command)),
      wire_(std::move(wire)),
      diary_(std::move(diary)),
      status_(std::move(status)),
      lifeline_(lifeline),
      supervisor_(supervisor) {}

ChildProcess::~ChildProcess() {
  // The lifeline's end is the order to leave nothing; the supervisor itself is gone at once then or soon
  // after, and is reaped by whoever waits for it next, or by our own end.
  if (lifeline_ >= 0) ::close(lifeline_);
  ::waitpid(supervisor_, nullptr, WNOHANG);
}

Result<std::unique_ptr<ChildProcess>> ChildProcess::start(Network& network, const ChildSpec& spec,
                                                          const std::string& name) {
  Ends in;
  Ends out;
  Ends err;
  Ends status;
  Ends lifeline;
  if (!in.open() || !out.open() || !err.open() || !status.open() || !lifeline.open())
    return refuse(errno, "no pipe");
  while (::waitpid(-1, nullptr, WNOHANG) > 0) continue;  // supervisors that have ended since

  std::vector<std::string> argv = {"weir", kSupervisorWord, spec.command};
  argv.insert(argv.end(), spec.args.begin(), spec.args.end());
  std::vector<std::string> environment = usual_environment(environ);
  for (const auto& [key, value] : spec.env) {
    std::erase_if(environment, [&](const std::string& one) { return one.starts_with(key + "="); });
    environment.push_back(key + "=" + value);
  }
  environment.push_back(std::string(kSupervisorLimit) + "=" + std::to_string(given_descriptor_limit()));
  // Out of the way first: a pipe's own number may be one of the targets.
  int* const sources[5] = {&in.read, &out.write, &err.write, &status.write, &lifeline.read};
  for (int* const source : sources) {
    if (*source >= 5) continue;
    const int lifted = ::fcntl(*source, F_DUPFD_CLOEXEC, 5);
    if (lifted < 0) return refuse(errno, "no pipe");
    ::close(std::exchange(*source, lifted));
  }
  posix_spawn_file_actions_t actions;
  posix_spawn_file_actions_init(&actions);
  posix_spawnattr_t attributes;
  posix_spawnattr_init(&attributes);
  sigset_t none;
  sigemptyset(&none);
  posix_spawnattr_setsigmask(&attributes, &none);
  posix_spawnattr_setflags(&attributes, POSIX_SPAWN_SETSIGMASK);
  if (!spec.cwd.empty()) posix_spawn_file_actions_addchdir_np(&actions, spec.cwd.c_str());
  for (int i = 0; i < 5; ++i) posix_spawn_file_actions_adddup2(&actions, *sources[i], i);
  pid_t supervisor = -1;
  const int spawned = ::posix_spawn(&supervisor, "/proc/self/exe", &actions, &attributes,
                                    pointers(argv).data(), pointers(environment).data());
  posix_spawn_file_actions_destroy(&actions);
  posix_spawnattr_destroy(&attributes);
  if (spawned != 0) return refuse(spawned, "the child could not be started");

  for (const int fd : {in.write, out.read, err.read, status.read}) unblock(fd);
  Result<std::unique_ptr<Stream>> wire =
      network.adopt(Ends::take(out.read), Ends::take(in.write), "stdio:" + name);
  if (!wire) return fail(wire.error());
  Result<std::unique_ptr<Stream>> diary = network.adopt(Ends::take(err.read), -1, "stderr:" + name);
  if (!diary) return fail(diary.error());
  Result<std::unique_ptr<Stream>> news = network.adopt(Ends::take(status.read), -1, "status:" + name);
  if (!news) return fail(news.error());
  return std::unique_ptr<ChildProcess>(new ChildProcess(spec.command, std::move(*wire), std::move(*diary),
                                                        std::move(*news), Ends::take(lifeline.write),
                                                        supervisor));
}

Task<std::string> ChildProcess::wait(CancelScope& cancel) {
  while (true) {
    const std::string_view seen = status_.pending();
    const std::size_t end = seen.find('\n');
    if (end == std::string_view::npos) {
      const Result<std::size_t> got = co_await status_.fill(kForever, &cancel);
      if (!got || *got == 0) co_return std::string("its supervisor has gone");
      continue;
    }
    const char what = seen[0];
    int number = 0;
    std::from_chars(seen.data() + 2, seen.data() + end, number);
    status_.consume(end + 1);
    if (what == 'e') co_return "it exited with code " + std::to_string(number);
    if (what == 's') co_return "it was killed by signal " + std::to_string(number);
    if (what == 'x' && number == ENOENT) co_return "command not found: " + command_;
    if (what == 'x') co_return command_ + ": " + std::strerror(number);
  }
}

void ChildProcess::end() noexcept {
  wire_.stream().shutdown_write();
  if (lifeline_ < 0) return;
  const ssize_t written = ::write(lifeline_, "T", 1);
  (void)written;
}

}  // namespace weir
