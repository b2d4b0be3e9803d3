// `weir approve [SERVER]`: what POST /approve of the running gateway did, for people. What servers say of
// themselves is shown so that nothing of it is hidden.
#include <cstdio>

#include "app/commands.h"
#include "app/running.h"
#include "base/json.h"
#include "base/json_canonical.h"
#include "base/url.h"
#include "mcp/splice.h"

namespace weir {
namespace {

std::string visible(const RawMembers& members, std::string_view name) {
  std::string out;
  append_visible(out, text_of(members, name));
  return out;
}

void print_change(const RawMembers& tool, bool dry) {
  const std::string fault = visible(tool, "fault");
  const bool changed = text_of(tool, "state") == "changed";
  std::string line = "  " + visible(tool, "tool") + ": ";
  line += !fault.empty() ? "not approved: " : dry ? "would be approved: " : "approved: ";
  if (!fault.empty())
    line += fault;
  else
    line += changed ? "changed" : "new";
  std::string differs;
  for (const std::string_view name : elements(tool.find("differs"))) {
    differs += differs.empty() ? " in " : ", ";
    append_visible(differs, json_unescape(name));
  }
  std::printf("%s%s\n", line.c_str(), fault.empty() ? differs.c_str() : "");
  if (changed) std::printf("    - %s\n", visible(tool, "before").c_str());
  if (!tool.find("after").empty()) std::printf("    + %s\n", visible(tool, "after").c_str());
}

void print_server(const RawMembers& server, bool dry) {
  const std::string error = visible(server, "error");
  const auto tools = elements(server.find("tools"));
  std::string sum = std::to_string(tools.size()) + (tools.size() == 1 ? " tool" : " tools");
  if (!error.empty())
    sum = error;
  else if (tools.empty())
    sum = "nothing to approve";
  std::printf("%s: %s\n", text_of(server, "server").c_str(), sum.c_str());
  for (const std::string_view tool : tools) print_change(members_of(tool), dry);
}

}  // namespace

int command_approve(const Flags& flags) {
  int failed = 0;
  const auto gateway = find_operators(flags, failed);
  if (!gateway) return failed;
  std::string url = gateway->admin + "/approve?dry_run=" + (flags.dry_run ? "1" : "0");
  if (!flags.server.empty()) url += "&server=" + percent_encoded(flags.server);
  const Result<RemoteAnswer> answer = ask_remote("POST", url, {}, {}, gateway->admin_access);
  if (!answer) return say_failure(gateway->admin, answer.error());
  const RawMembers told = is_json_object(answer->body) ? members_of(answer->body) : RawMembers();
  const std::string_view ok = told.find("ok");
  if (ok != "true" && ok != "false") return say_no_weir(url, *answer);
  // It is the name on the command line that is wrong.
  const int code = answer->status == 200 ? (ok == "true" ? 0 : 1) : flags.server.empty() ? 1 : 2;
  if (flags.json)
    std::printf("%s\n", answer->body.c_str());
  else if (answer->status != 200)
    std::fprintf(stderr, "weir: %s\n", visible(told, "error").c_str());
  else
    for (const std::string_view server : elements(told.find("servers")))
      print_server(members_of(server), flags.dry_run);
  return code;
}

}  // namespace weir
