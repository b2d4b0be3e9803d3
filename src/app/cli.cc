#include "app/cli.h"

#include <CLI/CLI.hpp>

#include "app/commands.h"

namespace weir {

int run_cli(int argc, char** argv) {
  CLI::App app{"One fast endpoint in front of many MCP servers."};
  app.require_subcommand(1);
  app.set_version_flag("--version", "weir " WEIR_VERSION);
  Flags flags;
  const auto common = [&](CLI::App* command, bool positional, bool asks = true) {
    command->add_option("-c,--config", flags.file, "the configuration file");
    if (positional) command->add_option("FILE", flags.file, "the configuration file");
    command->add_option(
        "--listen", flags.listen,
        asks ? "the gateway's MCP address, HOST:PORT or https://HOST:PORT, in place of a file; "
               "its token is taken from WEIR_TOKEN"
             : "the MCP address, over the file's");
    command->add_option("--admin", flags.admin,
                        asks ? "the gateway's operators' address, the same way; its token is taken from "
                               "WEIR_ADMIN_TOKEN"
                             : "the operators' address, or false");
    command->add_option("--log-level", flags.log_level, "debug, info, warn or error");
    command->add_flag("--json", flags.json, "print JSON");
    return command;
  };
  int code = 0;
  common(app.add_subcommand("run", "serve"), true, false)->callback([&] { code = command_run(flags); });
  auto* stdio =
      app.add_subcommand("stdio", "serve one client on stdin and stdout, for clients that launch servers");
  stdio->add_option("-c,--config", flags.file, "the configuration file");
  stdio->add_option("FILE", flags.file, "the configuration file");
  stdio->add_option("--log-level", flags.log_level, "debug, info, warn or error");
  stdio->callback([&] { code = command_stdio(flags); });
  common(app.add_subcommand("check", "say what is wrong with a configuration"), true, false)->callback([&] {
    code = command_check(flags);
  });
  common(app.add_subcommand("init", "write a starter configuration"), true, false)->callback([&] {
    code = command_init(flags);
  });
  auto* import = app.add_subcommand("import", "convert clients' configurations, to stdout");
  import->add_option("FILE", flags.files,
                     "files of Claude, Cursor, VS Code, ...; without one, the usual places are looked at");
  import->callback([&] { code = command_import(flags); });
  app.add_subcommand("schema", "print the JSON Schema of the file")->callback([&] {
    code = command_schema();
  });
  common(app.add_subcommand("tools", "list the tools of a running gateway"), true)->callback([&] {
    code = command_tools(flags);
  });
  auto* call = common(app.add_subcommand("call", "call a tool of a running gateway"), false);
  call->add_option("TOOL", flags.tool, "its name")->required();
  call->add_option("JSON", flags.arguments, "its arguments, a JSON object");
  call->callback([&] { code = command_call(flags); });
  auto* status = common(app.add_subcommand("status", "how the servers of a running gateway stand"), true);
  status->add_flag("--watch", flags.watch, "again every second");
  status->callback([&] { code = command_status(flags); });
  auto* explained = common(
      app.add_subcommand("explain", "what would become of a call to a tool of a running gateway"), false);
  explained->add_option("TOOL", flags.tool, "its name")->required();
  explained->callback([&] { code = command_explain(flags); });
  auto* approve = common(
      app.add_subcommand("approve", "approve new and changed tools of a running gateway's pinned servers"),
      false);
  approve->add_option("SERVER", flags.server, "its name; without it, all that are pinned");
  approve->add_flag("--dry-run", flags.dry_run, "only say what would be approved");
  approve->add_option("--digest", flags.digest, "approve only what a dry run gave this digest of");
  approve->callback([&] { code = command_approve(flags); });
  common(app.add_subcommand("reload", "make a running gateway read its file again"), true)->callback([&] {
    code = command_post(flags, "/reload");
  });
  common(app.add_subcommand("rollback", "bring a running gateway's previous configuration back"), true)
      ->callback([&] { code = command_post(flags, "/rollback"); });
  app.add_subcommand("version", "print the version")->callback([] { std::puts("weir " WEIR_VERSION); });
  try {
    app.parse(argc, argv);
  } catch (const CLI::ParseError& error) {
    const int shown = app.exit(error);
    return shown == 0 ? 0 : 2;
  }
  return code;
}

}  // namespace weir
