// What each command of the command line does. Exit codes: 0 done, 1 failed, 2 the user's input is wrong.
#pragma once

#include <string>
#include <vector>

namespace weir {

/// What the flags say.
struct Flags {
  std::string file;       // -c or FILE
  std::string listen;     // over the file's
  std::string admin;      // over the file's
  std::string log_level;  // over the file's
  bool json = false;
  bool watch = false;
  bool dry_run = false;
  std::string digest;  // of what is to be approved
  std::string server;
  std::string tool;
  std::string arguments;
  std::vector<std::string> files;
};

/// One function a subcommand; each gives the exit code: 0 good, 1 the thing failed, 2 wrong use.
int command_run(const Flags& flags);
int command_stdio(const Flags& flags);
int command_check(const Flags& flags);
int command_init(const Flags& flags);
int command_import(const Flags& flags);
int command_schema();
int command_tools(const Flags& flags);
int command_call(const Flags& flags);
int command_status(const Flags& flags);
/// What would become of a call to a tool of the running gateway.
int command_explain(const Flags& flags);
/// Approves what the tools of a server, or of all that have pins, are now.
int command_approve(const Flags& flags);
/// "/reload" or "/rollback" of the running gateway.
int command_post(const Flags& flags, const char* path);

/// The file to serve: the flag's, ./weir.yaml, $XDG_CONFIG_HOME/weir/weir.yaml; empty: the embedded default.
std::string find_file(const std::string& given);

}  // namespace weir
