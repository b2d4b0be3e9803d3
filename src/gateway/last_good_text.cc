#include "gateway/last_good_text.h"

#include <algorithm>
#include <charconv>

#include "base/digest.h"
#include "base/url.h"

namespace weir {
namespace {

constexpr std::string_view kTitle = "weir-last-good ";
constexpr std::string_view kVersion = "1";
constexpr std::size_t kMarkBytes = 16;
constexpr std::int64_t kTimeMax = 4'102'444'800'000;  // the year 2100: the clock counts in finer units

JsonLimits file_limits() {
  JsonLimits limits;
  limits.depth_max += 8;  // entries lie deeper than in the message that they came in
  limits.members_max = 16'000'000;
  return limits;
}

std::string mark(std::string_view what) { return hex(sha256(what), kMarkBytes); }

// Milliseconds since 1970.
std::string time_text(WallTime time) {
  return std::to_string(
      std::chrono::duration_cast<std::chrono::milliseconds>(time.time_since_epoch()).count());
}

WallTime read_time(std::string_view raw) {
  std::int64_t value = 0;
  std::from_chars(raw.data(), raw.data() + raw.size(), value);
  return WallTime(std::chrono::milliseconds(std::clamp<std::int64_t>(value, 0, kTimeMax)));
}

std::string text_of(std::string_view raw) {
  return raw.size() < 2 || raw.front() != '"' ? std::string() : json_unescape(raw);
}

// Of an object in the file, whose members may be more than one message has.
bool read_members(std::string_view raw, RawMembers& out) {
  const JsonLimits limits = file_limits();
  JsonCursor cursor(raw, limits, false);
  if (!cursor.enter_object()) return false;
  std::string_view name;
  while (cursor.next_member(name)) out.add(RawMember(name, cursor.take_value()));
  return cursor.finish();
}

bool read_elements(std::string_view raw, std::vector<std::string_view>& out) {
  const JsonLimits limits = file_limits();
  JsonCursor cursor(raw, limits, false);
  if (!cursor.enter_array()) return false;
  while (cursor.next_element()) out.push_back(cursor.take_value());
  return cursor.finish();
}

void append_facts(std::string& out, const KeptFacts& kept) {
  const ServerFacts& facts = *kept.facts;
  out += R"(,"facts":{"seen":)" + time_text(kept.seen);
  out.append(R"(,"revision":")").append(to_string(facts.revision)).append("\"");
  const auto add = [&out](std::string_view name, const std::string& raw) {
    if (!raw.empty()) out.append(",\"").append(name).append("\":").append(raw);
  };
  add("capabilities", facts.capabilities);
  add("server_info", facts.server_info);
  add("instructions", facts.instructions);
  out += '}';
}

bool read_facts(std::string_view raw, KeptFacts& kept) {
  RawMembers members;
  if (!read_members(raw, members)) return false;
  ServerFacts facts;
  const auto revision = parse_revision(text_of(members.find("revision")));
  if (!revision) return false;
  facts.revision = *revision;
  facts.capabilities = members.find("capabilities");
  facts.server_info = members.find("server_info");
  facts.instructions = members.find("instructions");
  if (!facts.capabilities.starts_with('{')) return false;
  if (!facts.server_info.empty() && !facts.server_info.starts_with('{')) return false;
  if (!facts.instructions.empty() && !facts.instructions.starts_with('"')) return false;
  kept = KeptFacts(std::make_shared<const ServerFacts>(std::move(facts)), read_time(members.find("seen")));
  return true;
}

bool read_list(std::string_view raw, ListKind kind, KeptList& kept) {
  RawMembers members;
  std::vector<std::string_view> entries;
  if (!read_members(raw, members) || !read_elements(members.find("entries"), entries)) return false;
  std::string_view inside = members.find("entries");
  inside = inside.substr(1, inside.size() - 2);
  kept = KeptList(page_of(kind, inside, entries.size()), read_time(members.find("seen")));
  return kept.page != nullptr;
}

bool read_body(std::string_view body, LastGoodText& content) {
  RawMembers members;
  if (!read_members(body, members)) return false;
  content.server = text_of(members.find("server"));
  std::vector<std::string_view> marks;
  if (!read_elements(members.find("reached_by"), marks)) return false;
  for (const std::string_view raw : marks) content.marks.push_back(text_of(raw));
  if (const std::string_view raw = members.find("facts");
      !raw.empty() && !read_facts(raw, content.kept.facts))
    return false;
  RawMembers lists;
  if (!read_members(members.find("lists"), lists)) return false;
  for (std::size_t k = 0; k < kListKinds; ++k) {
    const auto kind = static_cast<ListKind>(k);
    const std::string_view raw = lists.find(list_key(kind));
    if (!raw.empty() && !read_list(raw, kind, content.kept.lists[k])) return false;
  }
  return true;
}

}  // namespace

ReachMarks reach_marks(const ServerConfig& server) {
  ReachMarks marks;
  if (server.type == ServerConfig::Type::builtin) {
    marks.push_back(mark("builtin\n" + server.builtin));
  } else if (server.type == ServerConfig::Type::stdio) {
    std::string what = "stdio\n" + server.cwd + '\n' + server.command;
    for (const std::string& arg : server.args) what += '\0' + arg;
    marks.push_back(mark(what));
  } else if (server.endpoints.empty()) {
    marks.push_back(mark("url\n" + display_url(server.url)));
  } else {
    for (const EndpointConfig& one : server.endpoints) marks.push_back(mark("url\n" + display_url(one.url)));
  }
  return marks;
}

bool share_a_mark(const ReachMarks& a, const ReachMarks& b) noexcept {
  return std::any_of(a.begin(), a.end(),
                     [&b](const std::string& one) { return std::find(b.begin(), b.end(), one) != b.end(); });
}

std::string write_last_good(const LastGoodText& content) {
  std::string body = "{\"server\":";
  json_append_string(body, content.server);
  body += ",\"reached_by\":[";
  for (const std::string& one : content.marks) {
    if (body.back() != '[') body += ',';
    json_append_string(body, one);
  }
  body += ']';
  if (content.kept.facts.facts) append_facts(body, content.kept.facts);
  body += ",\"lists\":{";
  for (std::size_t k = 0; k < kListKinds; ++k) {
    const KeptList& list = content.kept.lists[k];
    if (!list.page) continue;
    if (body.back() != '{') body += ',';
    body.append("\"").append(list_key(static_cast<ListKind>(k))).append("\":{\"seen\":");
    body.append(time_text(list.seen)).append(",\"entries\":[");
    bool first = true;
    for (const ListEntry& entry : list.page->entries) {
      if (!std::exchange(first, false)) body += ',';
      body += entry.raw;
    }
    body += "]}";
  }
  body += "}}\n";
  const Digest digest = sha256(body);
  std::string out(kTitle);
  out.append(kVersion).append(" ").append(hex(digest, digest.size())).append("\n").append(body);
  return out;
}

bool read_last_good(std::string_view text, LastGoodText& content, std::string& fault) {
  fault = "is no such file of Weir's";
  const std::size_t line = text.find('\n');
  if (!text.starts_with(kTitle) || line == std::string_view::npos) return false;
  const std::string_view head = text.substr(kTitle.size(), line - kTitle.size());
  const std::size_t gap = head.find(' ');
  if (gap == std::string_view::npos) return false;
  fault = "was written by a newer Weir";
  if (head.substr(0, gap) != kVersion) return false;
  fault = "is damaged";
  const std::string_view body = text.substr(line + 1);
  const Digest digest = sha256(body);
  if (head.substr(gap + 1) != hex(digest, digest.size()) || !read_body(body, content)) return false;
  fault.clear();
  return true;
}

}  // namespace weir
