#include "app/commands.h"

#include <unistd.h>

#include <csignal>
#include <cstdio>
#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <sstream>
#include <thread>

#include "app/overrides.h"
#include "app/process.h"
#include "app/remote.h"
#include "base/json.h"
#include "config/import.h"
#include "config/schema.h"
#include "config/text_rules.h"
#include "mcp/outgoing.h"
#include "mcp/splice.h"
#include "runtime/signals.h"

namespace weir {
namespace {

namespace fs = std::filesystem;

// The running gateway's addresses: by flag, by file, by default.
struct Where {
  std::string admin;  // empty: off
  std::string mcp;
  int wrong = 0;
};
Where find_gateway(const Flags& flags) {
  Where where;
  const LoadOutcome outcome = load_with_flags(find_file(flags.file), flags);
  if (!outcome.config) {
    print(outcome.diagnostics);
    where.wrong = 2;
    return where;
  }
  where.mcp = "http://" + reachable_address(outcome.config->listen.front().address) + "/mcp";
  if (outcome.config->admin) where.admin = "http://" + reachable_address(*outcome.config->admin);
  return where;
}

int say_failure(const std::string& url, const Error& error) {
  std::fprintf(stderr, "weir: %s: %s\n", url.c_str(), error.detail().c_str());
  return 1;
}

Result<RemoteAnswer> ask_mcp(const std::string& url, const std::string& method, const std::string& name,
                             const std::string& params) {
  std::vector<std::pair<std::string, std::string>> headers = {
      {"Content-Type", "application/json"},
      {"Accept", "application/json, text/event-stream"},
      {"MCP-Protocol-Version", "2026-07-28"},
      {"Mcp-Method", method}};
  if (!name.empty()) headers.emplace_back("Mcp-Name", name);
  std::string body = R"({"jsonrpc":"2.0","id":1,"method":")" + method + R"(","params":{)" + params;
  if (!params.empty()) body += ',';
  body +=
      R"("_meta":{"io.modelcontextprotocol/protocolVersion":"2026-07-28","io.modelcontextprotocol/clientInfo":)" +
      std::string(own_client_info()) + R"(,"io.modelcontextprotocol/clientCapabilities":{}}}})";
  return ask_remote("POST", url, headers, body);
}

}  // namespace

std::string find_file(const std::string& given) {
  if (!given.empty()) return given;
  if (fs::exists("weir.yaml")) return "weir.yaml";
  const char* home = std::getenv("HOME");
  const char* base = std::getenv("XDG_CONFIG_HOME");
  fs::path path =
      base != nullptr && *base != '\0' ? fs::path(base) : fs::path(home == nullptr ? "/" : home) / ".config";
  path /= "weir/weir.yaml";
  return fs::exists(path) ? path.string() : std::string();
}

int command_run(const Flags& flags) {
  block_signals({SIGTERM, SIGINT, SIGHUP});  // before any thread starts
  RunOptions options;
  options.file = find_file(flags.file);
  LoadOutcome outcome = load_with_flags(options.file, flags);
  print(outcome.diagnostics);
  if (!outcome.config) return 2;
  options.config = std::move(*outcome.config);
  if (!options.file.empty())
    options.load_again = [file = options.file, flags] { return load_with_flags(file, flags); };
  return Process(std::move(options)).run();
}

namespace {

// Where clients keep their files.
std::vector<std::string> usual_places() {
  const char* home = std::getenv("HOME");
  const std::string base = home == nullptr ? "" : home;
  std::vector<std::string> found;
  for (const std::string& path :
       {std::string(".mcp.json"), std::string(".vscode/mcp.json"), std::string(".cursor/mcp.json"),
        base + "/.cursor/mcp.json", base + "/.claude.json",
        base + "/.config/Claude/claude_desktop_config.json", base + "/.config/Code/User/mcp.json"})
    if (fs::exists(path)) found.push_back(path);
  return found;
}

}  // namespace

int command_import(const Flags& flags) {
  const std::vector<std::string> paths = flags.files.empty() ? usual_places() : flags.files;
  if (paths.empty()) {
    std::fputs("weir: no client's configuration found: name a file\n", stderr);
    return 2;
  }
  std::vector<ImportFile> files;
  for (const std::string& path : paths) {
    std::ifstream in(path, std::ios::binary);
    std::stringstream text;
    if (in) text << in.rdbuf();
    if (!in) {
      std::fprintf(stderr, "weir: %s cannot be read\n", path.c_str());
      return 2;
    }
    files.push_back({path, text.str()});
  }
  const ImportOutcome outcome = import_configs(files);
  for (const std::string& note : outcome.notes) std::fprintf(stderr, "%s\n", note.c_str());
  if (outcome.servers == 0) {
    std::fputs("weir: no server found\n", stderr);
    return 1;
  }
  std::fputs(outcome.yaml.c_str(), stdout);
  return 0;
}

int command_init(const Flags& flags) {
  const std::string file = flags.file.empty() ? "weir.yaml" : flags.file;
  if (fs::exists(file)) {
    std::fprintf(stderr, "weir: %s is there already\n", file.c_str());
    return 1;
  }
  const fs::path schema = fs::path(file).parent_path() / "weir.schema.json";
  std::ofstream(file) << starter_config();
  std::ofstream(schema) << config_json_schema();
  if (!fs::exists(file)) {
    std::fprintf(stderr, "weir: %s cannot be written\n", file.c_str());
    return 1;
  }
  std::printf("wrote %s and %s; next: weir run %s\n", file.c_str(), schema.c_str(), file.c_str());
  return 0;
}

int command_schema() {
  std::fputs(config_json_schema().c_str(), stdout);
  return 0;
}

int command_tools(const Flags& flags) {
  const Where where = find_gateway(flags);
  if (where.wrong != 0) return where.wrong;
  const Result<RemoteAnswer> answer = ask_mcp(where.mcp, "tools/list", {}, {});
  if (!answer) return say_failure(where.mcp, answer.error());
  const auto message = Message::index(Bytes::copy_of(answer->body), JsonLimits(), Message::From::upstream);
  if (!message || message->kind() != Message::Kind::result) {
    std::fprintf(stderr, "%s\n", answer->body.c_str());
    return 1;
  }
  if (flags.json) {
    std::printf("%.*s\n", static_cast<int>(message->result().size()), message->result().data());
    return 0;
  }
  const RawMembers result = members_of(message->result());
  for (const std::string_view tool : elements(result.find("tools"))) {
    const RawMembers members = members_of(tool);
    std::string description = text_of(members, "description");
    description = description.substr(0, description.find('\n')).substr(0, 80);
    std::printf("%-40s %s\n", text_of(members, "name").c_str(), description.c_str());
  }
  if (const std::string_view meta = result.find("_meta"); meta.find("weir/partial") != std::string_view::npos)
    std::fprintf(stderr, "not complete: %.*s\n", static_cast<int>(meta.size()), meta.data());
  return 0;
}

int command_call(const Flags& flags) {
  const Where where = find_gateway(flags);
  if (where.wrong != 0) return where.wrong;
  const std::string arguments = flags.arguments.empty() ? "{}" : flags.arguments;
  JsonCursor cursor(arguments, JsonLimits(), true);
  const bool object = cursor.peek() == '{';
  cursor.take_value();
  if (!object || !cursor.finish()) {
    std::fprintf(stderr, "weir: the arguments are no JSON object: %s\n", arguments.c_str());
    return 2;
  }
  std::string params = "\"name\":";
  json_append_string(params, flags.tool);
  params += ",\"arguments\":" + arguments;
  const Result<RemoteAnswer> answer = ask_mcp(where.mcp, "tools/call", flags.tool, params);
  if (!answer) return say_failure(where.mcp, answer.error());
  const auto message = Message::index(Bytes::copy_of(answer->body), JsonLimits(), Message::From::upstream);
  if (!message || message->kind() != Message::Kind::result) {
    std::fprintf(stderr, "%s\n", answer->body.c_str());
    return 1;
  }
  const bool failed = is_tool_error(*message);
  if (flags.json) {
    std::printf("%.*s\n", static_cast<int>(message->result().size()), message->result().data());
    return failed ? 1 : 0;
  }
  for (const std::string_view content : elements(members_of(message->result()).find("content"))) {
    const RawMembers members = members_of(content);
    const std::string text = text_of(members, "text");
    std::printf("%s\n", text.empty() ? std::string(content).c_str() : text.c_str());
  }
  return failed ? 1 : 0;
}

int command_status(const Flags& flags) {
  const Where where = find_gateway(flags);
  if (where.wrong != 0) return where.wrong;
  if (where.admin.empty()) {
    std::fputs("weir: admin is off, so there is nobody to ask\n", stderr);
    return 1;
  }
  while (true) {
    const Result<RemoteAnswer> answer =
        ask_remote("GET", where.admin + (flags.json ? "/health" : "/servers"), {}, {});
    if (!answer) return say_failure(where.admin, answer.error());
    if (flags.watch && !flags.json) std::fputs("\033[H\033[2J", stdout);
    if (flags.json) {
      std::printf("%s\n", answer->body.c_str());
    } else {
      std::printf("%-20s %-20s %6s %10s  %s\n", "SERVER", "STATE", "TOOLS", "IN FLIGHT", "ADDRESS");
      const RawMembers all = members_of(answer->body);
      for (const std::string_view server : elements(all.find("servers"))) {
        const RawMembers members = members_of(server);
        const std::string reason = text_of(members, "reason");
        std::printf("%-20s %-20s %6s %10s  %s%s%s\n", text_of(members, "name").c_str(),
                    text_of(members, "state").c_str(), text_of(members, "tools").c_str(),
                    text_of(members, "in_flight").c_str(), text_of(members, "address").c_str(),
                    reason.empty() ? "" : "  ", reason.c_str());
      }
    }
    std::fflush(stdout);
    if (!flags.watch) return 0;
    std::this_thread::sleep_for(std::chrono::seconds(1));
  }
}

int command_post(const Flags& flags, const char* path) {
  const Where where = find_gateway(flags);
  if (where.wrong != 0) return where.wrong;
  if (where.admin.empty()) {
    std::fputs("weir: admin is off, so there is nobody to ask; SIGHUP reloads too\n", stderr);
    return 1;
  }
  const Result<RemoteAnswer> answer = ask_remote("POST", where.admin + path, {}, {});
  if (!answer) return say_failure(where.admin, answer.error());
  if (flags.json || answer->status == 200) {
    std::printf("%s\n", answer->body.c_str());
  } else {
    for (const std::string_view error : elements(members_of(answer->body).find("errors")))
      std::fprintf(stderr, "%s\n", json_unescape(error).c_str());
  }
  return answer->status == 200 ? 0 : 1;
}

}  // namespace weir
