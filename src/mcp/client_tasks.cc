#include "mcp/client_tasks.h"

#include "mcp/splice.h"

namespace weir {
namespace {

bool is_object(std::string_view raw) { return !raw.empty() && raw.front() == '{'; }

// The raw value at a path of members; empty: there is none.
std::string_view at(std::string_view raw, std::initializer_list<std::string_view> path) {
  for (const std::string_view name : path) {
    if (!is_object(raw)) return {};
    raw = members_of(raw).find(name);
  }
  return raw;
}

std::string id_of(std::string_view raw_task) {
  const std::string_view id = at(raw_task, {"taskId"});
  return id.size() > 2 && id.front() == '"' ? json_unescape(id) : std::string();
}

std::vector<std::string_view> elements_of(std::string_view raw) {
  std::vector<std::string_view> out;
  JsonCursor cursor(raw, JsonLimits(), false);
  if (raw.empty() || !cursor.enter_array()) return out;
  while (cursor.next_element()) out.push_back(cursor.take_value());
  return out;
}

}  // namespace

bool wants_task(const Message& request) { return !request.param().find("task").empty(); }

bool runs_as_task(std::string_view capabilities, const Message& request) {
  const std::string_view requests = at(capabilities, {"tasks", "requests"});
  if (request.method() == "sampling/createMessage")
    return !at(requests, {"sampling", "createMessage"}).empty();
  return request.method() == "elicitation/create" && !at(requests, {"elicitation", "create"}).empty();
}

std::string without_task(const Message& request) {
  const RawMembers& params = request.param();
  std::vector<bool> dropped(params.size());
  for (std::size_t i = 0; i < params.size(); ++i) dropped[i] = json_name_is(params[i].name, "task");
  Splices splices(request.text());
  splices.erase_members(params, dropped);
  std::string out;
  splices.append_to(out);
  return out;
}

std::string params_without_task(const Message& request) {
  if (!wants_task(request)) return std::string(request.params());
  const std::string text = without_task(request);
  const auto message = Message::index(Bytes::copy_of(text), JsonLimits(), Message::From::upstream);
  return message ? std::string(message->params()) : std::string();
}

bool asks_about_tasks(const Message& request) {
  const std::string_view method = request.method();
  return method == "tasks/get" || method == "tasks/result" || method == "tasks/cancel" ||
         method == "tasks/list";
}

bool answers_about_tasks(std::string_view capabilities, const Message& request) {
  const std::string_view tasks = at(capabilities, {"tasks"});
  if (request.method() == "tasks/cancel") return !at(tasks, {"cancel"}).empty();
  if (request.method() == "tasks/list") return !at(tasks, {"list"}).empty();
  return !tasks.empty();
}

std::set<std::string> listed_tasks(const Message& response) {
  std::set<std::string> out;
  for (const std::string_view raw : elements_of(response.result_member().find("tasks")))
    if (std::string id = id_of(raw); !id.empty()) out.insert(std::move(id));
  return out;
}

std::string with_tasks(const Message& response, const std::set<std::string>& kept) {
  const std::vector<std::string_view> tasks = elements_of(response.result_member().find("tasks"));
  std::vector<bool> dropped(tasks.size());
  for (std::size_t i = 0; i < tasks.size(); ++i) dropped[i] = !kept.contains(id_of(tasks[i]));
  Splices splices(response.text());
  splices.erase_elements(tasks, dropped);
  std::string out;
  splices.append_to(out);
  return out;
}

}  // namespace weir
