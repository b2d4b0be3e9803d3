#include "gateway/task_calls.h"

#include <algorithm>

#include "gateway/bridge.h"
#include "mcp/client_requests.h"
#include "mcp/fault_map.h"
#include "mcp/outgoing.h"
#include "mcp/task_ids.h"
#include "runtime/nursery.h"
#include "runtime/shard.h"

namespace weir {
namespace {

constexpr int kInvalidParams = -32602;
constexpr std::size_t kPagesMax = 1000;

void put_refusal(Answer& answer, const ClientCall& call, std::string_view sentence) {
  answer.outcome = "invalid_request";
  append_error(answer.text, call.message.raw_id(), kInvalidParams, sentence);
}

Task<void> route_one(ClientCall& call, Call& leaf, std::string& target, Answer& answer) {
  const std::string_view raw = raw_target(call.message, call.row);
  if (raw.empty()) {
    put_refusal(answer, call, "params has no taskId");
    co_return;
  }
  const std::string id = json_unescape(raw);
  const TimePoint now = Shard::current().now();
  const std::optional<TaskPlace> place = call.tasks->find(Tasks::owner_of(call.client), id, now);
  std::size_t server = place ? call.plan.find(place->server) : Plan::kAll;
  if (server == Plan::kAll || (call.only != Plan::kAll && call.only != server)) {
    put_refusal(answer, call, "Task not found");
    co_return;
  }
  if (place->original != id) {
    leaf.target = target = place->original;
    leaf.takes_large = false;  // its id is to be edited
    answer.task_from = place->original;
    answer.task_to = id;
  }
  const ServerConfig& settings = call.plan.settings(server);
  leaf.in_shared = place->shared;
  leaf.at = place->endpoint;
  leaf.at_only = true;
  leaf.input_time = settings.timeout.input;
  // The result may be waited for as long as the task lasts.
  const bool waits = call.row.name == "tasks/result";
  const Duration most = settings.timeout.request;
  leaf.deadline = std::min(call.answer_by, now + (waits ? std::max<Duration>(most, place->left) : most));
  if (call.notes != nullptr) call.notes->server = call.plan.servers[server]->name();
  Result<Reply> reply = co_await call_bridged(call, leaf, server);
  if (!reply) {
    put_fault(answer, call, reply.error(), server);
    co_return;
  }
  answer.server = server;
  answer.reply.emplace(std::move(*reply));
}

/// What the client has on one server.
struct Part {
  std::size_t server = 0;
  std::uint32_t endpoint = 0;
  bool shared = false;
  std::vector<std::string> tasks;  // raw, under the client's ids
  std::optional<Error> error;
};

std::string list_request(const std::string& cursor) {
  std::string out = R"({"jsonrpc":"2.0","id":0,"method":"tasks/list")";
  if (!cursor.empty()) {
    out += R"(,"params":{"cursor":)";
    json_append_string(out, cursor);
    out += '}';
  }
  return out + '}';
}

// The client's tasks of a page; others' are left out.
void take_page(const ClientCall& call, const std::string& owner, Part& part, std::string_view raw_tasks) {
  JsonCursor cursor(raw_tasks, JsonLimits(), false);
  if (raw_tasks.empty() || !cursor.enter_array()) return;
  while (cursor.next_element()) {
    const std::string_view raw = cursor.take_value();
    if (raw.empty() || raw.front() != '{') continue;
    const std::string_view raw_id = members_of(raw).find("taskId");
    if (raw_id.size() < 2 || raw_id.front() != '"') continue;
    const std::string id =
        call.tasks->known_as(owner, call.plan.servers[part.server]->name(), json_unescape(raw_id));
    if (id.empty()) continue;
    const auto at = static_cast<std::size_t>(raw_id.data() - raw.data());
    std::string task(raw.substr(0, at));
    json_append_string(task, id);
    task += raw.substr(at + raw_id.size());
    part.tasks.push_back(std::move(task));
  }
}

Task<void> fetch_part(ClientCall& call, const std::string& owner, Part& part) {
  std::string next;
  for (std::size_t pages = 0; pages < kPagesMax; ++pages) {
    const auto message =
        Message::index(Bytes::copy_of(list_request(next)), JsonLimits(), Message::From::upstream);
    Call own(*message, call.row, call.cancel);
    own.client = call.client;
    own.trace = call.trace;
    own.in_shared = part.shared;
    own.at = part.endpoint;
    own.at_only = true;
    own.deadline =
        std::min(call.answer_by, Shard::current().now() + call.plan.settings(part.server).timeout.list);
    Result<Reply> reply = co_await call.plan.servers[part.server]->call(own);
    const Result<Message> response = co_await last_message(std::move(reply));
    if (!response) {
      part.error = response.error();
      co_return;
    }
    // A server may have tasks without a list of them.
    if (response->kind() == Message::Kind::error) co_return;
    const RawMembers& result = response->result_member();
    take_page(call, owner, part, result.find("tasks"));
    const std::string_view cursor = result.find("nextCursor");
    if (cursor.size() <= 2 || cursor.front() != '"') co_return;
    next = json_unescape(cursor);
  }
}

Task<void> answer_tasks(ClientCall& call, Answer& answer) {
  if (!call.message.param().find("cursor").empty()) {
    put_refusal(answer, call, "this list is one page: there is no such cursor");
    co_return;
  }
  const std::string owner = Tasks::owner_of(call.client);
  std::vector<Part> parts;
  for (const auto& [name, endpoint, shared] : call.tasks->servers_of(owner)) {
    const std::size_t server = call.plan.find(name);
    if (server == Plan::kAll || (call.only != Plan::kAll && call.only != server)) continue;
    parts.emplace_back();
    parts.back().server = server;
    parts.back().endpoint = endpoint;
    parts.back().shared = shared;
  }
  Nursery nursery;
  for (Part& part : parts) nursery.start(fetch_part(call, owner, part));
  co_await nursery.join();
  std::vector<MissingServer> missing;
  std::string tasks;
  for (const Part& part : parts) {
    for (const std::string& task : part.tasks) tasks.append(tasks.empty() ? "" : ",").append(task);
    if (part.error)
      missing.push_back({call.plan.servers[part.server]->name(), std::string(to_string(part.error->kind()))});
  }
  if (!parts.empty() && missing.size() == parts.size()) {
    put_fault(answer, call, *parts.front().error, parts.front().server);
    co_return;
  }
  std::string result = "{\"tasks\":[" + tasks + ']';
  if (!missing.empty()) result += R"(,"_meta":{"weir/partial":)" + partial_value(missing) + '}';
  answer.text = write_result(call.message.raw_id(), result + '}');
}

TaskNames names_of(const Tasks& tasks, const std::string& owner, std::string_view server,
                   const Message& message) {
  TaskNames out;
  std::string original = task_of(message);
  if (original.empty()) return out;
  std::string known = tasks.known_as(owner, std::string(server), original);
  if (known.empty()) {
    // Told of before its answer has come; unless the client would take it for another one.
    out.foreign = tasks.takes(owner, original);
  } else if (known != original) {
    out.server = std::move(original);
    out.client = std::move(known);
  }
  return out;
}

}  // namespace

Task<void> route_task(ClientCall& call, Call& leaf, std::string& target, Answer& answer) {
  if (call.row.route == Route::task) return route_one(call, leaf, target, answer);
  return answer_tasks(call, answer);
}

std::size_t task_owner(const ClientCall& call, const std::string& id, std::string& original) {
  const std::optional<TaskPlace> place =
      call.tasks->find(Tasks::owner_of(call.client), id, Shard::current().now());
  const std::size_t server = place ? call.plan.find(place->server) : Plan::kAll;
  if (server == Plan::kAll || (call.only != Plan::kAll && call.only != server)) return Plan::kAll;
  original = place->original;
  return server;
}

bool asks_for_task(const Message& message, const MethodRow& row) {
  return row.route == Route::by_name && row.kind == ListKind::tools && !message.param().find("task").empty();
}

void note_task(const ClientCall& call, Answer& answer, const Message& response) {
  if (call.row.route != Route::by_name || call.row.kind != ListKind::tools || answer.server == Plan::kAll)
    return;
  const Revision server = answer.reply->peer->facts.revision;
  const bool new_era = is_new(call.client.revision);
  if (response.kind() != Message::Kind::result || is_new(server) != new_era) return;
  if (!new_era && !asks_for_task(call.message, call.row)) return;
  std::optional<CreatedTask> created = created_task(response, new_era);
  if (!created) return;
  const Upstream& upstream = *call.plan.servers[answer.server];
  TaskPlace place;
  place.server = upstream.name();
  place.original = created->id;
  place.endpoint = answer.reply->endpoint;
  place.shared = !new_era && upstream.made_in_shared(*answer.reply);
  answer.task_to = call.tasks->add(Tasks::owner_of(call.client), place, created->ttl, Shard::current().now());
  answer.task_from = std::move(created->id);
  if (answer.task_to == answer.task_from) answer.task_to.clear();
}

TaskNames task_names(const ClientCall& call, std::string_view server, const Message& message) {
  if (call.tasks == nullptr) return {};
  return names_of(*call.tasks, Tasks::owner_of(call.client), server, message);
}

TaskNames task_names(const Tasks& tasks, const Session& session, std::string_view server,
                     const Message& message) {
  ClientView client;
  client.session = session.id;
  return names_of(tasks, Tasks::owner_of(client), server, message);
}

}  // namespace weir
