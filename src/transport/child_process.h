// One child of a stdio server with its supervisor: started without a shell, in a scrubbed environment, in a
// process group of its own; its pipes are streams of the home shard.
#pragma once

#include <sys/types.h>

#include <memory>
#include <string>
#include <utility>
#include <vector>

#include "runtime/channel.h"
#include "runtime/stream.h"
#include "runtime/task.h"

namespace weir {

/// How a child is started: no shell, `args` as they are.
struct ChildSpec {
  std::string command;
  std::vector<std::string> args;
  std::vector<std::pair<std::string, std::string>> env;  // beside the usual few variables
  std::string cwd;
};

class ChildProcess {
 public:
  /// Spawns the supervisor, which starts the child. Errors: Kind::unreachable with the reason. That the
  /// command cannot be run comes later, by wait().
  static Result<std::unique_ptr<ChildProcess>> start(Network& network, const ChildSpec& spec,
                                                     const std::string& name);
  ~ChildProcess();
  ChildProcess(const ChildProcess&) = delete;
  ChildProcess& operator=(const ChildProcess&) = delete;

  /// The child's stdin to write, its stdout to read.
  Channel& wire() noexcept { return wire_; }
  /// Its stderr, to read.
  Channel& diary() noexcept { return diary_; }
  /// Waits for its end: "exited with code 1", "killed by signal 9", "command not found: x". Called by one
  /// fiber.
  Task<std::string> wait(CancelScope& cancel);
  /// Asks for a polite end: stdin is closed, SIGTERM and SIGKILL follow when that does not help.
  void end() noexcept;

 private:
  ChildProcess(std::string command, std::unique_ptr<Stream> wire, std::unique_ptr<Stream> diary,
               std::unique_ptr<Stream> status, int lifeline, pid_t supervisor);

  std::string command_;
  Channel wire_;
  Channel diary_;
  Channel status_;
  int lifeline_;
  pid_t supervisor_;
};

/// The variables that every child gets, from `environ`.
std::vector<std::string> usual_environment(char** from);

}  // namespace weir
