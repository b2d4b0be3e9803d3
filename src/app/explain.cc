// `weir explain TOOL`: what /explain of the running gateway says, for people.
#include <cstdio>

#include "app/commands.h"
#include "app/running.h"
#include "base/json.h"
#include "base/url.h"
#include "mcp/splice.h"

namespace weir {
namespace {

void say(const std::string& text) { std::printf("%s\n", text.c_str()); }

std::string plain(std::string_view raw) {
  return raw.starts_with('"') ? json_unescape(raw) : std::string(raw);
}

// "max_attempts 5 (server), budget 20%": what is not the default says where it comes from.
std::string settings_text(std::string_view block) {
  const RawMembers keys = members_of(block);
  if (const std::string_view off = keys.find("value"); !off.empty())
    return "off" + (text_of(keys, "from") == "default" ? std::string() : " (" + text_of(keys, "from") + ')');
  std::string out;
  for (std::size_t i = 0; i < keys.size(); ++i) {
    const RawMembers one = members_of(keys[i].value);
    out += (out.empty() ? "" : ", ") + std::string(keys[i].name) + ' ' + plain(one.find("value"));
    if (const std::string from = text_of(one, "from"); from != "default") out += " (" + from + ')';
  }
  return out;
}

void print_endpoints(const RawMembers& told) {
  say("endpoints");
  for (const std::string_view raw : elements(told.find("endpoints"))) {
    const RawMembers one = members_of(raw);
    std::string line = one.find("eligible") == "true" ? "  yes  " : "  no   ";
    line += text_of(one, "address") + "  " + text_of(one, "why");
    if (const std::string breaker = text_of(one, "breaker"); !breaker.empty() && breaker != "closed")
      line += "; breaker " + breaker;
    if (const std::string weight = text_of(one, "weight"); weight != "1") line += "; weight " + weight;
    say(line);
  }
}

void print_policies(const RawMembers& told) {
  const RawMembers settings = members_of(told.find("settings"));
  std::string shown = " ";
  say("policies, the outermost first; values without a word are defaults");
  for (const std::string_view raw : elements(told.find("stack"))) {
    const RawMembers one = members_of(raw);
    const std::string block = text_of(one, "block");
    say("  " + text_of(one, "line"));
    if (block.empty() || shown.find(' ' + block + ' ') != std::string::npos) continue;
    shown += block + ' ';
    if (const std::string_view found = settings.find(block); !found.empty()) {
      // "off" is the block's, not the line's: patience stays where hedges are off.
      const std::string text = settings_text(found);
      say("      " + (text.starts_with("off") ? block + ": " : std::string()) + text);
    }
  }
  say("also in force");
  for (std::size_t i = 0; i < settings.size(); ++i) {
    const std::string block(settings[i].name);
    if (shown.find(' ' + block + ' ') == std::string::npos)
      say("  " + block + ": " + settings_text(settings[i].value));
  }
  for (const std::string_view rule : elements(told.find("degradation"))) say("  degradation: " + plain(rule));
}

void print_found(const RawMembers& told) {
  std::string line = text_of(told, "tool") + ": " + text_of(told, "original") + " of server " +
                     text_of(told, "server") + " (" + text_of(told, "state") + ", " +
                     text_of(told, "health") + ')';
  say(line);
  if (const std::string denied = text_of(told, "denied"); !denied.empty()) say("denied: " + denied);
  if (const std::string note = text_of(told, "note"); !note.empty()) say("note: " + note);
  say("strategy: " + text_of(told, "strategy") +
      (told.find("panic") == "true" ? "; panic: too few are healthy, all are tried" : ""));
  print_endpoints(told);
  const RawMembers repeat = members_of(told.find("repeat"));
  line = repeat.find("allowed") == "true" ? "may be repeated: " : "may not be repeated: ";
  line += text_of(repeat, "why");
  if (const std::string still = text_of(repeat, "still"); !still.empty()) line += "; " + still;
  say(line);
  print_policies(told);
}

int say_unknown(const RawMembers& told) {
  std::string line = "weir: " + text_of(told, "error");
  const auto candidates = elements(told.find("candidates"));
  for (std::size_t i = 0; i < candidates.size(); ++i)
    line += (i == 0                       ? "; did you mean "
             : i + 1 == candidates.size() ? " or "
                                          : ", ") +
            json_unescape(candidates[i]);
  std::fprintf(stderr, "%s%s\n", line.c_str(), candidates.empty() ? "" : "?");
  return 1;
}

}  // namespace

int command_explain(const Flags& flags) {
  int failed = 0;
  const auto gateway = find_operators(flags, failed);
  if (!gateway) return failed;
  const std::string url = gateway->admin + "/explain?tool=" + percent_encoded(flags.tool);
  const Result<RemoteAnswer> answer = ask_remote("GET", url, {}, {}, gateway->admin_access);
  if (!answer) return say_failure(gateway->admin, answer.error());
  const bool object = is_json_object(answer->body);
  const RawMembers told = object ? members_of(answer->body) : RawMembers();
  if (told.find("found").empty()) return say_no_weir(url, *answer);
  if (flags.json) {
    say(answer->body);
    return answer->status == 200 ? 0 : 1;
  }
  if (answer->status != 200) return say_unknown(told);
  print_found(told);
  return 0;
}

}  // namespace weir
