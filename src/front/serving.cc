#include "front/serving.h"

#include "front/envelope.h"
#include "mcp/client_requests.h"
#include "mcp/fault_map.h"
#include "mcp/log_level.h"
#include "mcp/outgoing.h"
#include "runtime/shard.h"

namespace weir {
namespace {

std::string empty_result(const Message& request) { return write_result(request.raw_id(), "{}"); }

// Progress on what a server asked goes to that server, under its own token.
void pass_progress(Session& session, const Message& message) {
  const std::string_view token = message.param().find("progressToken");
  const std::shared_ptr<ClientAsk> ask = session.find_ask(token);
  if (!ask || ask->raw_token.empty()) return;
  Splices splices(message.text());
  splices.replace_view(token, ask->raw_token);
  std::string text;
  splices.append_to(text);
  ask->home->post([ask, text = std::move(text)]() mutable { ask->asker->send(std::move(text)); });
}

// How a task stands that the client runs for a server: for that server alone.
void pass_task_status(const Visit& visit, const Message& message) {
  std::string id;
  if (!message.param_text("taskId", id)) return;
  const std::string owner = visit.session->task_server(id);
  const std::size_t server = owner.empty() ? Plan::kAll : visit.plan->find(owner);
  if (server != Plan::kAll)
    visit.plan->servers[server]->notify(visit.session->id, std::string(message.text()));
}

}  // namespace

bool Serving::still_admits(const Visit& visit) const {
  return visit.head == nullptr || gateway_.plan()->clients.admit(visit.head->get(Field::authorization));
}

Serving::Serving(Gateway& gateway, FrontObserver& observer, bool error_status_http, BufferBudget* budget)
    : gateway_(gateway),
      observer_(observer),
      error_status_http_(error_status_http),
      budget_(budget),
      random_(Random::from_system()) {}

Task<void> Serving::refuse(Visit& visit, const EnvelopeFault& fault, std::string_view raw_id) {
  return refuse(visit, fault.status, fault.code, fault.sentence, raw_id, fault.data);
}

Task<void> Serving::refuse(Visit& visit, int status, int code, std::string_view sentence,
                           std::string_view raw_id, std::string_view data) {
  std::string out;
  append_error(out, raw_id, code, sentence, data);
  co_await visit.sink.finish(status, out);
}

bool Serving::end_session(std::string_view id, std::string_view owner, std::string_view path) {
  const std::string kept(id);
  const std::shared_ptr<Session> ended = gateway_.sessions().close(kept, owner, path, Shard::current().now());
  if (ended) gateway_.forget(*ended);
  return ended != nullptr;
}

Task<void> Serving::in_session(Visit& visit, const Message& message) {
  if (message.is_response()) {
    const std::string_view fault = answer_ask(*visit.session, message);
    // Not under its id, which is one of ours: it would look like the answer to a request of the client's.
    if (fault.empty())
      co_await visit.sink.finish(202, {});
    else
      co_await refuse(visit, 400, -32600, fault, {});
    co_return;
  }
  const MethodRow* row = find_method(message.method());
  if (!message.is_request()) {
    old_notification(visit, message, row);
    co_await visit.sink.finish(202, {});
    co_return;
  }
  co_await old_request(visit, message, row);
}

void Serving::old_notification(Visit& visit, const Message& message, const MethodRow* row) {
  if (message.method() == "notifications/tasks/status") return pass_task_status(visit, message);
  if (row == nullptr) return;
  if (row->route == Route::cancelled) {
    const std::string_view id = message.param().find("requestId");
    if (!id.empty()) gateway_.cancel(visit.session->id, id);
  } else if (row->route == Route::progress) {
    pass_progress(*visit.session, message);
  } else if (row->route == Route::roots) {
    const std::string text(message.text());
    for (const auto& server : visit.plan->servers) server->notify(visit.session->id, text);
  }
}

Task<void> Serving::old_request(Visit& visit, const Message& message, const MethodRow* row) {
  Session& session = *visit.session;
  visit.client_view.revision = session.revision;
  visit.client_view.client_info = session.client_info;
  visit.client_view.capabilities = session.capabilities;
  visit.client_view.session = session.id;
  visit.log_level = session.log_level();
  visit.client_view.log_level = visit.log_level;
  bool known = row != nullptr && row->request && row->old_clients;
  if (known && (row->route == Route::task || row->route == Route::task_list))
    known = session.revision == Revision::v2025_11_25;
  if (!known) {
    co_await refuse(visit, 200, -32601, "Method not found", message.raw_id());
  } else if (row->route == Route::ping) {
    co_await visit.sink.finish(200, empty_result(message));
  } else if (row->route == Route::set_level) {
    std::string level;
    if (!message.param_text("level", level) || !is_log_level(level)) {
      co_await refuse(visit, 200, -32602, "params.level is no log level", message.raw_id());
      co_return;
    }
    session.set_log_level(level);
    for (const auto& server : visit.plan->servers) server->set_level(session.id, level);
    co_await visit.sink.finish(200, empty_result(message));
  } else {
    // A broken connection cancels nothing here: only the session's own word does.
    CancelScope scope;
    Gateway::Cancellable cancellable(gateway_, session.id, message.raw_id(), scope);
    co_await serve(visit, message, *row, scope);
  }
}

Task<std::shared_ptr<Session>> Serving::initialize(Visit& visit, const Message& message, CancelScope* scope) {
  std::string wanted;
  if (!message.param_text("protocolVersion", wanted)) {
    co_await refuse(visit, 200, -32602, "params.protocolVersion must be a string", message.raw_id());
    co_return nullptr;
  }
  const std::string_view client_info = message.param().find("clientInfo");
  const std::string_view capabilities = message.param().find("capabilities");
  if (client_info.size() > kIntroductionMax || capabilities.size() > kIntroductionMax) {
    co_await refuse(visit, 200, -32602, "what the client says of itself is too long", message.raw_id());
    co_return nullptr;
  }
  const auto is_object = [](std::string_view raw) { return !raw.empty() && raw.front() == '{'; };
  if (!is_object(client_info) || !is_object(capabilities)) {
    co_await refuse(visit, 200, -32602, "params.clientInfo and params.capabilities must be objects",
                    message.raw_id());
    co_return nullptr;
  }
  const Revision agreed = negotiate_old(wanted);
  visit.client_view.revision = agreed;
  CancelScope never;
  ClientCall call(message, *find_method("initialize"), *visit.plan, scope == nullptr ? never : *scope);
  call.only = visit.only;
  call.client = visit.client_view;
  const Result<std::string> text = co_await answer_introduction(call, agreed);
  if (!text) {
    std::string out;
    append_fault(out, message.raw_id(), text.error(), {});
    co_await visit.sink.finish(200, out);
    co_return nullptr;
  }
  auto draft = std::make_shared<Session>();
  draft->revision = agreed;
  draft->client_info = client_info;
  draft->capabilities = capabilities;
  draft->path = visit.path;
  draft->owner = visit.client;
  std::shared_ptr<Session> session = gateway_.sessions().open(std::move(draft), Shard::current().now());
  if (!session) {
    co_await refuse(visit, 503, 1004, "too many sessions are open", message.raw_id());
    co_return nullptr;
  }
  visit.sink.opened(*session);
  co_await visit.sink.finish(200, *text);
  co_return session;
}

}  // namespace weir
