#include "mcp/task_ids.h"

#include <charconv>

namespace weir {
namespace {

bool is_object(std::string_view raw) { return !raw.empty() && raw.front() == '{'; }
bool is_text(std::string_view raw) { return raw.size() > 2 && raw.front() == '"'; }

// The raw id in an object that describes a task; empty: none.
std::string_view id_in(std::string_view raw) {
  if (!is_object(raw)) return {};
  const std::string_view id = members_of(raw).find("taskId");
  return is_text(id) ? id : std::string_view();
}

std::string_view related_in(std::string_view raw_meta) {
  return is_object(raw_meta) ? id_in(members_of(raw_meta).find(kMetaRelatedTask)) : std::string_view();
}

std::optional<Duration> read_ttl(std::string_view raw) {
  std::int64_t ms = 0;
  const auto [end, trouble] = std::from_chars(raw.data(), raw.data() + raw.size(), ms);
  constexpr std::int64_t kMost = 365LL * 24 * 3600 * 1000;
  if (trouble == std::errc::result_out_of_range || raw == "null") return std::chrono::milliseconds(kMost);
  if (trouble != std::errc() || ms < 0) return std::nullopt;
  return std::chrono::milliseconds(std::min(ms, kMost));
}

}  // namespace

std::optional<CreatedTask> created_task(const Message& response, bool new_era) {
  const RawMembers& result = response.result_member();
  CreatedTask out;
  if (new_era) {
    if (result.find("resultType") != "\"task\"") return std::nullopt;
    const std::string_view id = result.find("taskId");
    if (!is_text(id)) return std::nullopt;
    out.id = json_unescape(id);
    out.ttl = read_ttl(result.find("ttlMs"));
    return out;
  }
  const std::string_view id = id_in(result.find("task"));
  if (id.empty()) return std::nullopt;
  out.id = json_unescape(id);
  out.ttl = read_ttl(members_of(result.find("task")).find("ttl"));
  return out;
}

bool declares_tasks(std::string_view capabilities) {
  if (!is_object(capabilities)) return false;
  const std::string_view extensions = members_of(capabilities).find("extensions");
  return is_object(extensions) && !members_of(extensions).find(kTasksExtension).empty();
}

std::string without_tasks(std::string_view capabilities) {
  std::string out;
  if (!declares_tasks(capabilities)) return out.append(capabilities);
  const RawMembers extensions = members_of(members_of(capabilities).find("extensions"));
  std::vector<bool> dropped(extensions.size());
  for (std::size_t i = 0; i < extensions.size(); ++i)
    dropped[i] = json_name_is(extensions[i].name, kTasksExtension);
  Splices splices(capabilities);
  splices.erase_members(extensions, dropped);
  splices.append_to(out);
  return out;
}

std::string task_of(const Message& message) {
  std::string_view raw = message.param().find("taskId");
  if (!is_text(raw)) raw = id_in(message.meta().find(kMetaRelatedTask));
  return raw.empty() ? std::string() : json_unescape(raw);
}

void edit_task_ids(Splices& splices, const Message& message, std::string_view from, std::string_view to) {
  const auto edit = [&](std::string_view raw) {
    if (!is_text(raw) || json_unescape(raw) != from) return;
    std::string quoted;
    json_append_string(quoted, to);
    splices.replace(raw, std::move(quoted));
  };
  if (message.is_response()) {
    const RawMembers& result = message.result_member();
    edit(result.find("taskId"));
    edit(id_in(result.find("task")));
    edit(related_in(result.find("_meta")));
  } else {
    edit(message.param().find("taskId"));
    edit(id_in(message.meta().find(kMetaRelatedTask)));
  }
}

std::string with_task_ids(std::string text, std::string_view from, std::string_view to) {
  if (from.empty() || from == to) return text;
  const auto message = Message::index(Bytes::copy_of(text), JsonLimits(), Message::From::upstream);
  if (!message) return text;
  Splices splices(message->text());
  edit_task_ids(splices, *message, from, to);
  std::string out;
  splices.append_to(out);
  return out;
}

}  // namespace weir
