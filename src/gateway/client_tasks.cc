#include "gateway/client_tasks.h"

#include "base/check.h"
#include "mcp/client_requests.h"
#include "mcp/client_tasks.h"
#include "mcp/fault_map.h"
#include "mcp/task_ids.h"
#include "transport/server_requests.h"

namespace weir {
namespace {

constexpr int kInvalidParams = -32602;
constexpr Duration kTaskTime = std::chrono::hours(24);

}  // namespace

Admitted admit_request(const Session& session, std::string_view server, const Message& request,
                       ClientAsk& ask) {
  Admitted out;
  const bool knows_tasks = session.revision == Revision::v2025_11_25;
  ask.server = server;
  out.about_tasks = asks_about_tasks(request);
  if (out.about_tasks) {
    if (!knows_tasks || !answers_about_tasks(session.capabilities, request)) {
      out.refusal = refusal(request);
      return out;
    }
    std::string id;
    ask.lists_tasks = request.method() == "tasks/list";
    if (!ask.lists_tasks &&
        (server.empty() || !request.param_text("taskId", id) || session.task_server(id) != server))
      append_error(out.refusal, request.raw_id(), kInvalidParams, "Task not found");
    if (request.method() == "tasks/result") out.patience_min = kTaskTime;
    return out;
  }
  if (!may_be_asked(session.capabilities, request)) {
    out.refusal = refusal(request);
    return out;
  }
  ask.makes_task = wants_task(request) && knows_tasks && runs_as_task(session.capabilities, request);
  // "Receivers that do not declare the task capability for a request type MUST process requests of that type
  // normally, ignoring any task-augmentation metadata if present": what is to be ignored is left out.
  out.leave_out_task = wants_task(request) && !ask.makes_task;
  return out;
}

std::string question(const Message& request, const Admitted& admitted, std::string_view id) {
  if (!admitted.leave_out_task) return renumbered(request, id);
  const auto less =
      Message::index(Bytes::copy_of(without_task(request)), JsonLimits(), Message::From::upstream);
  WEIR_CHECK(less);
  return renumbered(*less, id);
}

std::string admit_answer(Session& session, const ClientAsk& ask, std::string text) {
  const auto answer = Message::index(Bytes::copy_of(text), JsonLimits(), Message::From::upstream);
  if (!answer || answer->kind() != Message::Kind::result) return text;
  if (ask.makes_task) {
    if (const std::optional<CreatedTask> created = created_task(*answer, false))
      session.note_task(created->id, ask.server);
    return text;
  }
  std::set<std::string> kept;
  for (const std::string& id : listed_tasks(*answer))
    if (session.task_server(id) == ask.server) kept.insert(id);
  return with_tasks(*answer, kept);
}

}  // namespace weir
