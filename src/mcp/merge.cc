#include "mcp/merge.h"

#include <algorithm>
#include <charconv>

#include "mcp/definition.h"
#include "mcp/splice.h"
#include "mcp/task_ids.h"

namespace weir {
namespace {

auto nonsense(std::string detail) {
  return fail(Error::Kind::upstream_protocol, Error::Side::upstream, Error::Sent::maybe, std::move(detail));
}

bool is_object(std::string_view raw) { return !raw.empty() && raw.front() == '{'; }
bool is_text(std::string_view raw) { return raw.size() >= 2 && raw.front() == '"'; }

// A time to live is a whole number of milliseconds; anything else counts as 0.
std::uint64_t read_ttl(std::string_view raw) {
  std::uint64_t ttl = 0;
  const auto [end, trouble] = std::from_chars(raw.data(), raw.data() + raw.size(), ttl);
  return trouble == std::errc() && end == raw.data() + raw.size() ? ttl : 0;
}

// Source: MCP 2025-03-26 and later, ToolAnnotations.
bool says_repeatable(std::string_view annotations) {
  if (!is_object(annotations)) return false;
  const RawMembers members = members_of(annotations);
  return members.find("readOnlyHint") == "true" || members.find("idempotentHint") == "true";
}

void add_entry(ListPage& page, std::string_view raw, ListKind kind) {
  RawMembers members;
  std::string fault = read_definition(raw, kind, members);
  const std::string_view identity = members.find(list_identity(kind));
  if (!fault.empty()) {
    page.withheld.push_back(raw);
    page.faults.emplace_back(is_text(identity) ? json_unescape(identity) : std::string(), std::move(fault));
    return;
  }
  ListEntry entry;
  entry.raw = raw;
  entry.raw_identity = identity;
  entry.identity = json_unescape(identity);
  if (kind == ListKind::tools) {
    entry.input_schema = members.find("inputSchema");
    entry.repeatable = says_repeatable(members.find("annotations"));
  }
  page.entries.push_back(std::move(entry));
}

}  // namespace

Result<ListPage> read_list_page(Message response, ListKind kind) {
  ListPage page(std::move(response));
  const std::string_view result = page.response.result();
  if (!is_object(result)) return nonsense("a list was answered without a result object");
  const RawMembers members = members_of(result);
  const std::string_view array = members.find(list_key(kind));
  JsonCursor cursor(array, JsonLimits(), false);
  if (array.empty() || !cursor.enter_array())
    return nonsense("a list was answered without " + std::string(list_key(kind)));
  while (cursor.next_element()) add_entry(page, cursor.take_value(), kind);
  if (const std::string_view raw = members.find("nextCursor"); is_text(raw))
    page.next_cursor = json_unescape(raw);
  page.ttl_ms = read_ttl(members.find("ttlMs"));
  page.is_public = members.find("cacheScope") == "\"public\"";
  return page;
}

std::string partial_value(const std::vector<MissingServer>& missing, const std::vector<StaleServer>& stale) {
  if (missing.empty() && stale.empty()) return {};
  std::string out = R"({"missing":[)";
  for (const MissingServer& one : missing) {
    if (out.back() == '}') out += ',';
    out += R"({"server":)";
    json_append_string(out, one.server);
    out += R"(,"reason":)";
    json_append_string(out, one.reason);
    out += '}';
  }
  out += ']';
  if (!stale.empty()) out += R"(,"stale":[)";
  for (const StaleServer& one : stale) {
    if (out.back() == '}') out += ',';
    out += R"({"server":)";
    json_append_string(out, one.server);
    out += R"(,"age":)";
    json_append_string(out, one.age);
    out += R"(,"reason":)";
    json_append_string(out, one.reason);
    out += '}';
  }
  out += stale.empty() ? "}" : "]}";
  return out;
}

void append_list_result(std::string& out, ListKind kind, Revision client,
                        const std::vector<NamedEntry>& entries, std::uint64_t ttl_ms, bool is_public,
                        std::string_view partial) {
  out += '{';
  if (is_new(client)) out += R"("resultType":"complete",)";
  out += '"';
  out += list_key(kind);
  out += "\":[";
  bool first = true;
  for (const NamedEntry& named : entries) {
    if (!first) out += ',';
    first = false;
    const ListEntry& entry = *named.entry;
    if (named.exposed == entry.identity) {
      out += entry.raw;
      continue;
    }
    const auto at = static_cast<std::size_t>(entry.raw_identity.data() - entry.raw.data());
    out += entry.raw.substr(0, at);
    json_append_string(out, named.exposed);
    out += entry.raw.substr(at + entry.raw_identity.size());
  }
  out += ']';
  if (is_new(client)) {
    out += ",\"ttlMs\":" + std::to_string(partial.empty() ? ttl_ms : 0);
    out += is_public ? R"(,"cacheScope":"public")" : R"(,"cacheScope":"private")";
  }
  if (!partial.empty()) {
    out += R"(,"_meta":{"weir/partial":)";
    out += partial;
    out += '}';
  }
  out += '}';
}

namespace {

// Takes withheld entries out of the array, and tells whether any is left.
bool erase_withheld(Splices& splices, std::string_view array, std::vector<std::string_view> withheld) {
  std::sort(withheld.begin(), withheld.end(), [](auto a, auto b) { return a.data() < b.data(); });
  std::vector<std::string_view> elements;
  std::vector<bool> dropped;
  JsonCursor cursor(array, JsonLimits(), false);
  cursor.enter_array();
  std::size_t next = 0;  // of those withheld
  while (cursor.next_element()) {
    elements.push_back(cursor.take_value());
    dropped.push_back(next < withheld.size() && withheld[next].data() == elements.back().data());
    next += dropped.back() ? 1U : 0U;
  }
  splices.erase_elements(elements, dropped);
  return elements.size() != next;
}

}  // namespace

std::string join_pages(const std::vector<ListPage>& pages, ListKind kind) {
  const std::string_view text = pages.front().response.text();
  Splices splices(text);
  const RawMembers members = members_of(pages.front().response.result());
  const std::string_view array = members.find(list_key(kind));
  const bool any = erase_withheld(splices, array, pages.front().withheld);
  std::string more;
  std::uint64_t ttl = pages.front().ttl_ms;
  bool all_public = true;
  for (std::size_t i = 0; i < pages.size(); ++i) {
    ttl = std::min(ttl, pages[i].ttl_ms);
    all_public = all_public && pages[i].is_public;
    if (i == 0) continue;
    for (const ListEntry& entry : pages[i].entries) {
      if (!more.empty() || any) more += ',';
      more += entry.raw;
    }
  }
  splices.insert(splices.offset_of(array) + array.size() - 1, std::move(more));
  std::vector<bool> dropped(members.size());
  for (std::size_t i = 0; i < members.size(); ++i) dropped[i] = json_name_is(members[i].name, "nextCursor");
  splices.erase_members(members, dropped);
  if (const std::string_view raw = members.find("ttlMs"); !raw.empty())
    splices.replace(raw, std::to_string(ttl));
  if (const std::string_view raw = members.find("cacheScope"); !raw.empty() && !all_public)
    splices.replace(raw, "\"private\"");
  std::string out;
  splices.append_to(out);
  return out;
}

namespace {

// What Weir cannot carry yet is not promised on a server's behalf.
bool carried(std::string_view capability) noexcept { return capability != "subscriptions"; }

bool is_list(std::string_view capability) noexcept {
  return capability == "tools" || capability == "prompts" || capability == "resources";
}

// A list's capability: Weir itself tells of changes, whenever servers come and go; to resources one can
// subscribe where a server has such.
std::string list_promises(std::string_view name, const std::vector<const ServerFacts*>& servers) {
  std::string out = "{\"listChanged\":true";
  bool subscribe = false;
  for (const ServerFacts* facts : servers) {
    const std::string_view raw = members_of(facts->capabilities).find(name);
    subscribe = subscribe || (is_object(raw) && members_of(raw).find("subscribe") == "true");
  }
  if (subscribe) out += ",\"subscribe\":true";
  return out + '}';
}

// The members of one capability of all servers that `counts`; of equal ones the first. Empty: no server has
// it.
template <class Counts>
std::string joined(std::string_view name, const std::vector<const ServerFacts*>& servers, Counts counts) {
  std::vector<std::string> seen;
  std::string out;
  for (const ServerFacts* facts : servers) {
    const std::string_view raw = members_of(facts->capabilities).find(name);
    if (!is_object(raw)) continue;
    const RawMembers members = members_of(raw);
    for (std::size_t i = 0; i < members.size(); ++i) {
      std::string member = json_unescape(members[i].name);
      if (!counts(*facts, member) || std::find(seen.begin(), seen.end(), member) != seen.end()) continue;
      out += out.empty() ? "{\"" : ",\"";
      out.append(members[i].name).append("\":").append(members[i].value);
      seen.push_back(std::move(member));
    }
  }
  return out.empty() ? out : out + '}';
}

// Tasks of 2025-11-25 and those of the extension are not the same, nor made into each other: SEP-2663,
// "Backward Compatibility".
std::string task_promises(const std::vector<const ServerFacts*>& servers, Revision client) {
  if (client != Revision::v2025_11_25) return {};
  return joined("tasks", servers,
                [](const ServerFacts& of, std::string_view) { return of.revision == Revision::v2025_11_25; });
}

std::string extension_promises(const std::vector<const ServerFacts*>& servers, Revision client) {
  return joined("extensions", servers, [client](const ServerFacts& of, std::string_view name) {
    return name != kTasksExtension || (is_new(client) && is_new(of.revision));
  });
}

std::string promise(std::string_view name, std::string_view value,
                    const std::vector<const ServerFacts*>& servers, Revision client) {
  if (is_list(name)) return list_promises(name, servers);
  if (name == "tasks") return task_promises(servers, client);
  if (name == "extensions") return extension_promises(servers, client);
  return std::string(value);
}

}  // namespace

std::string merge_capabilities(const std::vector<const ServerFacts*>& servers, Revision client) {
  std::vector<std::string> seen;
  std::string out = "{";
  for (const ServerFacts* facts : servers) {
    const RawMembers members = members_of(facts->capabilities);
    for (std::size_t i = 0; i < members.size(); ++i) {
      std::string name = json_unescape(members[i].name);
      if (!carried(name) || std::find(seen.begin(), seen.end(), name) != seen.end()) continue;
      const std::string raw = promise(name, members[i].value, servers, client);
      if (!raw.empty())
        out.append(out.size() == 1 ? "\"" : ",\"").append(members[i].name).append("\":").append(raw);
      seen.push_back(std::move(name));
    }
  }
  out += '}';
  return out;
}

std::string merge_instructions(const std::vector<std::pair<std::string_view, const ServerFacts*>>& servers) {
  std::string joined;
  if (servers.size() == 1) return servers.front().second->instructions;
  for (const auto& [name, facts] : servers) {
    if (facts->instructions.empty()) continue;
    if (!joined.empty()) joined += "\n\n";
    joined += "# " + std::string(name) + "\n" + json_unescape(facts->instructions);
  }
  std::string out;
  if (!joined.empty()) json_append_string(out, joined);
  return out;
}

}  // namespace weir
