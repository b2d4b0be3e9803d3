// `weir approve [SERVER]`: what POST /approve of the running gateway did, for people. What servers say of
// themselves is shown so that nothing of it is hidden.
#include <algorithm>
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

// One side of a difference, as JSON: whatever is in it can be seen.
void print_side(char side, const std::string& name, std::string_view json) {
  constexpr std::size_t kShownMax = 2000;
  if (json.empty()) return;
  std::size_t most = std::min(json.size(), kShownMax);
  while (most != json.size() && most != 0 && (static_cast<unsigned char>(json[most]) & 0xC0U) == 0x80U)
    --most;
  std::string text;
  append_visible(text, json.substr(0, most));
  if (most != json.size()) text += "... (" + std::to_string(json.size()) + " bytes; --json shows all)";
  std::printf("    %c %s%s%s\n", side, name.c_str(), name.empty() ? "" : ": ", text.c_str());
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
  for (const std::string_view member : elements(tool.find("members"))) {
    const RawMembers sides = members_of(member);
    print_side('-', visible(sides, "name"), sides.find("before"));
    print_side('+', visible(sides, "name"), sides.find("after"));
  }
  if (!changed) print_side('+', {}, tool.find("definition"));
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
  if (dry && error.empty() && !tools.empty())
    std::printf("  to approve exactly this: weir approve %s --digest %s\n", text_of(server, "server").c_str(),
                visible(server, "digest").c_str());
}

}  // namespace

int command_approve(const Flags& flags) {
  int failed = 0;
  const auto gateway = find_operators(flags, failed);
  if (!gateway) return failed;
  std::string url = gateway->admin + "/approve?dry_run=" + (flags.dry_run ? "1" : "0");
  if (!flags.digest.empty()) url += "&digest=" + percent_encoded(flags.digest);
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
