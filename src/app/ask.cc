// The commands that ask a running gateway: tools, call, status, reload, rollback.
#include <cstdio>
#include <thread>

#include "app/commands.h"
#include "app/running.h"
#include "base/json.h"
#include "base/json_canonical.h"
#include "mcp/outgoing.h"
#include "mcp/splice.h"

namespace weir {
namespace {

int print_raw(std::string_view text) {
  std::printf("%.*s\n", static_cast<int>(text.size()), text.data());
  return 0;
}

// The first `most` bytes or a few less of a text of somebody else's: nothing in it moves the terminal's
// cursor.
std::string shown(std::string_view text, std::size_t most) {
  if (text.size() > most)
    while (most != 0 && (text[most] & 0xc0) == 0x80) --most;
  std::string out;
  append_visible(out, text.substr(0, most));
  return out;
}

std::string since_text(const RawMembers& members) {
  const std::string since = text_of(members, "since");
  // The time of day is what is looked for; the date is in --json.
  return since.size() < 19 ? std::string() : " (since " + since.substr(11, 8) + "Z)";
}

void print_row(const char* name, const std::string& state, const std::string& tools,
               const std::string& in_flight, const std::string& rest) {
  std::printf("%-20s %-20s %6s %10s  %s\n", name, state.c_str(), tools.c_str(), in_flight.c_str(),
              rest.c_str());
}

// What is the rule is not worth a word.
std::string breaker_text(const RawMembers& members) {
  const std::string breaker = text_of(members, "breaker");
  return breaker.empty() || breaker == "closed" ? std::string() : "  breaker " + breaker;
}

// One of several: indented under its server.
void print_endpoint(const RawMembers& members) {
  const std::string reason = text_of(members, "reason");
  std::string rest = text_of(members, "address");
  if (const std::string weight = text_of(members, "weight"); weight != "1") rest += "  weight " + weight;
  if (const std::string priority = text_of(members, "priority"); priority != "0")
    rest += "  priority " + priority;
  rest += breaker_text(members);
  if (!reason.empty()) rest += "  " + reason + since_text(members);
  print_row("  endpoint", text_of(members, "state"), "", text_of(members, "in_flight"), rest);
}

void print_servers(std::string_view list) {
  std::printf("%-20s %-20s %6s %10s  %s\n", "SERVER", "STATE", "TOOLS", "IN FLIGHT", "ADDRESS");
  for (const std::string_view server : elements(list)) {
    const RawMembers members = members_of(server);
    const std::string reason = text_of(members, "reason");
    const std::string health = text_of(members, "health");
    std::string state = text_of(members, "state");
    if (state == "ready" && health != "healthy" && health != "unknown" && !health.empty()) state = health;
    const std::vector<std::string_view> endpoints = elements(members.find("endpoints"));
    std::string rest = text_of(members, "address");
    if (endpoints.size() > 1) {
      rest = std::to_string(endpoints.size()) + " endpoints, " + text_of(members, "strategy");
      if (members.find("panic") == "true") rest += ", panic: too few are healthy, all are tried";
    } else {
      if (!endpoints.empty()) rest += breaker_text(members_of(endpoints.front()));
      if (!reason.empty()) rest += "  " + reason;
    }
    print_row(text_of(members, "name").c_str(), state, text_of(members, "tools"),
              text_of(members, "in_flight"), rest);
    if (endpoints.size() > 1)
      for (const std::string_view endpoint : endpoints) print_endpoint(members_of(endpoint));
  }
}

// Asks once: the operators' address for everything, or the MCP address for its one word.
int print_status(const std::string& url, const RemoteAccess& access, std::string_view member, bool json,
                 bool clear) {
  const Result<RemoteAnswer> answer = ask_remote("GET", url, {}, {}, access);
  if (!answer) return say_failure(url, answer.error());
  const bool word = member == "status";
  const bool told = answer->status == 200 || (word && answer->status == 503);
  const std::string_view found =
      told && is_json_object(answer->body) ? members_of(answer->body).find(member) : std::string_view();
  if (!found.starts_with(word ? '"' : member == "servers" && json ? '{' : '['))
    return say_no_weir(url, *answer);
  if (clear) std::fputs("\033[H\033[2J", stdout);
  if (json)
    print_raw(answer->body);
  else if (word)
    print_raw(json_unescape(found));
  else
    print_servers(found);
  std::fflush(stdout);
  return 0;
}

}  // namespace

int command_tools(const Flags& flags) {
  const auto gateway = find_gateway(flags);
  if (!gateway) return 2;
  const auto endpoint = mcp_endpoint(*gateway);
  if (!endpoint) return 1;
  const auto message = ask_mcp(*endpoint, gateway->mcp_access, "tools/list", {}, {}, flags.json);
  if (!message) return 1;
  if (flags.json) return print_raw(message->result());
  const RawMembers result = members_of(message->result());
  const std::vector<std::string_view> tools = elements(result.find("tools"));
  if (tools.empty())
    std::fputs(
        "weir: there is no tool; `weir status` says how the servers stand, `weir approve --dry-run` what is "
        "withheld\n",
        stderr);
  for (const std::string_view tool : tools) {
    const RawMembers members = members_of(tool);
    const std::string description = text_of(members, "description");
    std::printf("%-40s %s\n", shown(text_of(members, "name"), 256).c_str(),
                shown(description.substr(0, description.find('\n')), 80).c_str());
  }
  if (const std::string_view meta = result.find("_meta"); meta.find("weir/partial") != std::string_view::npos)
    std::fprintf(stderr, "not complete: %.*s\n", static_cast<int>(meta.size()), meta.data());
  return 0;
}

int command_call(const Flags& flags) {
  const std::string arguments = flags.arguments.empty() ? "{}" : flags.arguments;
  JsonCursor cursor(arguments, JsonLimits(), true);
  const bool object = cursor.peek() == '{';
  cursor.take_value();
  if (!object || !cursor.finish()) {
    std::fprintf(stderr, "weir: the arguments are no JSON object: %s\n", arguments.c_str());
    return 2;
  }
  const auto gateway = find_gateway(flags);
  if (!gateway) return 2;
  const auto endpoint = mcp_endpoint(*gateway);
  if (!endpoint) return 1;
  std::string params = "\"name\":";
  json_append_string(params, flags.tool);
  params += ",\"arguments\":" + arguments;
  const auto message = ask_mcp(*endpoint, gateway->mcp_access, "tools/call", flags.tool, params, flags.json);
  if (!message) return 1;
  const int code = is_tool_error(*message) ? 1 : 0;
  if (flags.json) {
    print_raw(message->result());
    return code;
  }
  for (const std::string_view content : elements(members_of(message->result()).find("content"))) {
    const std::string text = text_of(members_of(content), "text");
    print_raw(text.empty() ? content : text);
  }
  return code;
}

int command_status(const Flags& flags) {
  const auto gateway = find_gateway(flags);
  if (!gateway) return 2;
  std::string url;
  std::string_view member = "servers";
  if (!gateway->admin.empty()) {
    url = gateway->admin + (flags.json ? "/health" : "/servers");
  } else if (gateway->by_flag) {
    url = gateway->mcp.substr(0, gateway->mcp.rfind('/')) + "/health";
    member = "status";
  } else {
    std::fputs("weir: admin is off, so there is nobody to ask\n", stderr);
    return 1;
  }
  while (true) {
    const RemoteAccess& access = member == "servers" ? gateway->admin_access : gateway->mcp_access;
    const int code = print_status(url, access, member, flags.json, flags.watch && !flags.json);
    if (code != 0 || !flags.watch) return code;
    std::this_thread::sleep_for(std::chrono::seconds(1));
  }
}

int command_post(const Flags& flags, const char* path) {
  const auto gateway = find_gateway(flags);
  if (!gateway) return 2;
  if (gateway->admin.empty()) {
    if (gateway->by_flag) {
      std::fprintf(stderr,
                   "weir: %s is asked for at the operators' address, not at the MCP address: give --admin\n",
                   path + 1);
      return 2;
    }
    std::fputs("weir: admin is off, so there is nobody to ask; SIGHUP reloads too\n", stderr);
    return 1;
  }
  const std::string url = gateway->admin + path;
  const Result<RemoteAnswer> answer = ask_remote("POST", url, {}, {}, gateway->admin_access);
  if (!answer) return say_failure(gateway->admin, answer.error());
  const std::string_view ok =
      is_json_object(answer->body) ? members_of(answer->body).find("ok") : std::string_view();
  if (ok != "true" && ok != "false") return say_no_weir(url, *answer);
  if (flags.json || answer->status == 200) {
    print_raw(answer->body);
  } else {
    for (const std::string_view error : elements(members_of(answer->body).find("errors")))
      std::fprintf(stderr, "%s\n", json_unescape(error).c_str());
  }
  return answer->status == 200 ? 0 : 1;
}

}  // namespace weir
