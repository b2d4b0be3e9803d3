#include "admin/explain.h"

#include <algorithm>
#include <utility>
#include <vector>

#include "admin/explain_endpoints.h"
#include "admin/origins.h"
#include "admin/report.h"
#include "base/json.h"
#include "config/suggest.h"
#include "config/text_rules.h"
#include "config/words.h"
#include "gateway/degradation.h"
#include "gateway/find_name.h"
#include "gateway/pin_gate.h"
#include "gateway/tool_headers.h"
#include "gateway/tool_repeats.h"
#include "obs/log.h"

namespace weir {
namespace {

void append_texts(std::string& out, std::string_view name, const std::vector<std::string>& texts) {
  out.append(",\"").append(name).append("\":[");
  for (std::size_t i = 0; i < texts.size(); ++i) {
    if (i != 0) out += ',';
    json_append_string(out, texts[i]);
  }
  out += ']';
}

// What a name that leads nowhere may have been meant to be, at most five: the same name of several servers,
// what it is a part of, what differs in a letter or two.
std::vector<std::string> candidates_of(const Plan& plan, const std::string& tool) {
  const auto catalogue = plan.catalogue->load();
  std::vector<std::string> out = catalogue->candidates(ListKind::tools, tool);
  std::vector<std::string> all;
  for (std::size_t i = 0; i < plan.servers.size(); ++i)
    if (const auto& seen = catalogue->seen(ListKind::tools, i))
      for (const std::string& name : *seen) all.push_back(catalogue->exposed(ListKind::tools, i, name));
  const std::vector<std::string_view> names(all.begin(), all.end());
  const auto add = [&out](std::string_view name) {
    if (!name.empty() && std::find(out.begin(), out.end(), name) == out.end()) out.emplace_back(name);
  };
  add(nearest(tool, names));
  const std::string folded = lower_case(tool);
  for (const std::string_view name : names)
    if (lower_case(name).find(folded) != std::string::npos) add(name);
  if (out.size() > 5) out.resize(5);
  return out;
}

int put_unknown(const Plan& plan, const std::string& tool, std::string& out) {
  const auto catalogue = plan.catalogue->load();
  std::string why = catalogue->candidates(ListKind::tools, tool).empty()
                        ? "no server has a tool named \"" + tool + '"'
                        : "several servers have a tool named \"" + tool + '"';
  std::string hidden;
  if (const std::size_t owner = owner_of_hidden(plan, tool, hidden); owner != Plan::kAll)
    why = "server \"" + plan.servers[owner]->name() + "\": " + why_denied(plan, owner, hidden);
  std::string unseen;
  for (std::size_t i = 0; i < plan.servers.size(); ++i) {
    if (const std::string withheld = why_withheld(plan, i, tool); !withheld.empty()) why = withheld;
    if (!catalogue->seen(ListKind::tools, i))
      unseen += (unseen.empty() ? "" : ", ") + plan.servers[i]->name();
  }
  if (!unseen.empty()) why += "; what these offer is not known yet: " + unseen;
  out += "{\"tool\":";
  json_append_string(out, tool);
  out += ",\"found\":false";
  append_member(out, "error", why);
  append_texts(out, "candidates", candidates_of(plan, tool));
  out += '}';
  return 404;
}

void append_repeat(std::string& out, const Plan& plan, std::size_t server, const std::string& tool) {
  ToolRepeats rule(plan);
  rule.set(server, tool);
  const bool may = rule.may_repeat();
  const ServerConfig& config = plan.settings(server);
  const auto own = config.tools.find(tool);
  std::string why;
  if (own != config.tools.end() && own->second.safe_to_repeat)
    why = may ? "tools." + tool + ".safe_to_repeat is true" : "tools." + tool + ".safe_to_repeat is false";
  else if (!config.trust_annotations)
    why = "trust_annotations is off: what the tool says of itself does not count";
  else if (!plan.catalogue->load()->has(ListKind::tools, server, tool))
    why = "the server's list does not have it, so nothing is known of it";
  else
    why = may ? "the tool says readOnlyHint or idempotentHint"
              : "the tool says neither readOnlyHint nor idempotentHint";
  out += may ? ",\"repeat\":{\"allowed\":true" : ",\"repeat\":{\"allowed\":false";
  append_member(out, "why", why);
  if (!may && config.retry.enabled && config.retry.max_attempts > 1)
    append_member(out, "still", "a call of which nothing was sent is tried again all the same");
  out += '}';
}

// The block of the file that a line of the printed stack is about; empty: none.
std::string_view block_of_line(std::string_view line) noexcept {
  constexpr std::pair<std::string_view, std::string_view> kBlocks[] = {
      {"balance", "load_balancing"}, {"patience", "hedge"},  {"hedge", "hedge"}, {"retry", "retry"},
      {"bulkhead", "bulkhead"},      {"timeout", "timeout"},
  };
  const std::string_view word = line.substr(0, line.find_first_of(": "));
  for (const auto& [name, block] : kBlocks)
    if (name == word) return block;
  return {};
}

}  // namespace

int explain(const Plan& plan, const std::string& tool, std::string& out) {
  if (!utf8_valid(tool)) {
    out = R"({"error":"the tool's name is no UTF-8"})";
    return 400;
  }
  if (tool.empty()) {
    out = R"({"error":"say which tool: /explain?tool=NAME"})";
    return 400;
  }
  std::string original = tool;
  const std::size_t server = find_name(plan, ListKind::tools, tool, original);
  if (server == Plan::kAll) return put_unknown(plan, tool, out);
  const Upstream& upstream = *plan.servers[server];
  const auto now = upstream.status();
  const auto set = upstream.endpoints();
  const auto catalogue = plan.catalogue->load();
  out += "{\"tool\":";
  json_append_string(out, tool);
  out += ",\"found\":true";
  append_member(out, "server", upstream.name());
  append_member(out, "original", original);
  const bool seen = catalogue->seen(ListKind::tools, server) != nullptr;
  const bool listed = catalogue->has(ListKind::tools, server, original);
  out += listed ? ",\"listed\":true" : ",\"listed\":false";
  const std::string denied = why_denied(plan, server, original);
  if (!denied.empty()) append_member(out, "denied", denied);
  if (const std::string withheld = why_withheld(plan, server, original); !withheld.empty())
    append_member(out, "note", withheld);
  else if (!listed && denied.empty())
    append_member(out, "note",
                  seen ? "the server's list does not have it: the call goes there, and the server says so"
                       : "the server's list is not known yet: the call goes there by its prefix");
  if (!listed) append_texts(out, "candidates", candidates_of(plan, original));
  append_member(out, "state", to_string(now->state));
  append_member(out, "health", to_string(now->health));
  if (!now->reason.empty()) append_member(out, "reason", now->reason);
  append_member(out, "strategy", to_string(set->balancing.strategy));
  append_chances(out, *set);
  append_repeat(out, plan, server, original);
  out += ",\"stack\":[";
  if (set->stack)
    for (const std::string& line : set->stack->describe()) {
      out += out.back() == '[' ? "{\"line\":" : ",{\"line\":";
      json_append_string(out, line);
      if (const auto block = block_of_line(line); !block.empty()) append_member(out, "block", block);
      out += '}';
    }
  out += "],\"settings\":";
  append_settings(out, plan.config, plan.settings(server), original);
  std::vector<std::string> rules;
  for (const DegradationRule& rule : plan.config.degradation) rules.push_back(to_string(rule));
  append_texts(out, "degradation", rules);
  out += '}';
  return 200;
}

}  // namespace weir
