#include "front/relay.h"

#include <algorithm>

#include "gateway/bridge.h"
#include "gateway/call_keyed.h"
#include "gateway/client_tasks.h"
#include "gateway/task_calls.h"
#include "mcp/client_requests.h"
#include "mcp/fault_map.h"
#include "mcp/log_level.h"
#include "mcp/task_ids.h"
#include "runtime/shard.h"
#include "transport/server_requests.h"

namespace weir {
namespace {

constexpr Duration kQuiet = std::chrono::seconds(15);  // before a stream gets a comment
constexpr unsigned kAsksMax = 10'000;                  // of one call

std::string withdrawn(const std::string& id) {
  return R"({"jsonrpc":"2.0","method":"notifications/cancelled","params":{"requestId":)" + id + "}}";
}

}  // namespace

OutgoingAnswer outgoing_answer(const ClientCall& call, const Answer& answer) {
  OutgoingAnswer made;
  made.client_id = call.message.raw_id();
  made.client = call.client.revision;
  made.upstream = answer.reply->peer->facts.revision;
  made.uri_from = answer.uri_from;
  made.uri_to = answer.uri_to;
  made.task_from = answer.task_from;
  made.task_to = answer.task_to;
  made.fallback = answer.fallback;
  return made;
}

void note_outcome(Answer& answer, const ClientCall& call, const Message& response) {
  if (response.kind() == Message::Kind::error)
    answer.outcome = "upstream_error";
  else if (call.row.kind == ListKind::tools && is_tool_error(response))
    answer.outcome = "tool_error";
}

Error no_room_for_answer() {
  return {Error::Kind::overloaded, Error::Side::gateway, Error::Sent::maybe,
          "no memory is left for large answers to this client (limits.buffers): read those that wait"};
}

bool hold_answer(Visit& visit, const ClientCall& call, Answer& answer, const Message& response) {
  const std::size_t size = response.text().size();
  if (size < BufferBudget::kCountedMin || visit.room->grow_to(size)) return true;
  keep_answer(call, answer, response);
  put_fault(answer, call, no_room_for_answer(), answer.server);
  return false;
}

std::string_view server_name(const ClientCall& call, const Answer& answer) {
  return answer.server == Plan::kAll ? std::string_view()
                                     : std::string_view(call.plan.servers[answer.server]->name());
}

struct Relay::Open {
  ReplyStream* rest = nullptr;  // null: the reply has ended
  std::size_t count = 0;
  void begun() {
    if (count++ == 0 && rest != nullptr) rest->pause();
  }
  void ended() {
    if (--count == 0 && rest != nullptr) rest->resume();
  }
};

Relay::Relay(Visit& visit, ClientCall& call, Answer& answer, const OutgoingAnswer& made)
    : visit_(visit),
      call_(call),
      answer_(answer),
      made_(made),
      token_(call.message.meta().find("progressToken")),
      open_(std::make_shared<Open>()) {
  open_->rest = answer.reply->rest.get();
}

Relay::~Relay() {
  open_->rest = nullptr;
  for (const auto& [id, expires] : asks_) {
    // A call that has ended well may leave questions open: their answers may be waited for all the same, and
    // on a shared wire they can be another call's.
    if (whole_) {
      for (auto& [oldest, left] : visit_.session->leave_ask(id)) {
        visit_.session->feed().append(std::make_shared<const std::string>(withdrawn(oldest)));
        give_up_ask(std::move(left));
      }
    } else if (std::shared_ptr<ClientAsk> ask = visit_.session->take_ask(id)) {
      give_up_ask(std::move(ask));
    }
  }
}

TimePoint Relay::until() const {
  if (!visit_.sink.streaming()) return kForever;
  TimePoint next = Shard::current().now() + kQuiet;
  for (const auto& [id, expires] : asks_) next = std::min(next, expires);
  return next;
}

Task<void> Relay::run() {
  Reply& reply = *answer_.reply;
  std::optional<ReplyEvent> event(std::move(reply.first));
  std::string out;
  while (true) {
    // However long the call: its client waits for it.
    if (visit_.session) visit_.session->touch(Shard::current().now());
    bool goes_on = true;
    if (!event->message) {
      co_await visit_.sink.idle();
    } else if (event->last && !hold_answer(visit_, call_, answer_, *event->message)) {
      out = answer_.text;
      break;
    } else if (event->last) {
      note_outcome(answer_, call_, *event->message);
      keep_answer(call_, answer_, *event->message);
      const std::string state = sealed_state(call_, answer_.server, answer_.reply->endpoint, *event->message);
      note_task(call_, answer_, *event->message);
      OutgoingAnswer made = made_;
      made.task_from = answer_.task_from;
      made.task_to = answer_.task_to;
      made.request_state = state;
      append_response(out, *event->message, call_.row, made);
      whole_ = true;
      break;
    } else if (event->message->is_request()) {
      goes_on = co_await ask(std::move(*event));
    } else if (event->message->method() == "notifications/cancelled") {
      goes_on = co_await withdraw(*event->message);
    } else if (wanted(*event->message)) {
      goes_on = co_await pass(*event->message);
    }
    if (!goes_on) {
      answer_.outcome = "cancelled";
      if (call_.keyed) co_await read_on();
      co_return;
    }
    if (!asks_.empty()) co_await give_up_expired();
    Result<ReplyEvent> next = co_await reply.rest->next(until());
    if (!next) {
      answer_.outcome = to_string(next.error().kind()).data();
      if (call_.keyed) call_.keyed->failed(next.error());
      append_fault(out, made_.client_id, next.error(), server_name(call_, answer_));
      break;
    }
    event.emplace(std::move(*next));
  }
  co_await visit_.sink.finish(200, out);
}

// Its client has gone, but may ask again for what comes of it. Nobody is shown progress any more, so that
// buys no time either.
Task<void> Relay::read_on() {
  ReplyStream& rest = *answer_.reply->rest;
  const TimePoint until = Shard::current().now() + call_.plan.settings(answer_.server).timeout.request;
  while (Shard::current().now() < until) {
    const Result<ReplyEvent> event = co_await rest.next(until);
    if (!event) {
      call_.keyed->failed(event.error());
      co_return;
    }
    if (!event->message) continue;
    if (event->last) {
      keep_answer(call_, answer_, *event->message);
      co_return;
    }
    if (event->asker) event->asker->send(refusal(*event->message));
  }
}

// Whether a notification on the way is for this client, which must have asked for such. What to log to a
// client that has said no level the server decides, in a session that is no other's.
bool Relay::wanted(const Message& notification) const {
  const std::string_view method = notification.method();
  if (method == "notifications/progress") return !token_.empty();
  if (method == "notifications/message") {
    std::string level;
    if (!notification.param_text("level", level)) return false;
    if (!call_.client.log_level.empty()) return log_level_reaches(level, call_.client.log_level);
    return is_log_level(level) && visit_.session && answer_.server != Plan::kAll &&
           call_.plan.servers[answer_.server]->has_session_of(visit_.session->id);
  }
  return !method.ends_with("list_changed") && method != "notifications/resources/updated" &&
         method != "notifications/cancelled" && method != "notifications/subscriptions/acknowledged";
}

Task<bool> Relay::pass(const Message& notification) {
  std::string out;
  append_notification(out, notification, token_);
  const TaskNames names = task_names(call_, server_name(call_, answer_), notification);
  if (names.foreign) co_return true;
  out = with_task_ids(std::move(out), names.server, names.client);
  co_return co_await visit_.sink.event(out);
}

// Only what this client declared is asked; everything else is answered here.
Task<bool> Relay::ask(ReplyEvent event) {
  const Message& request = *event.message;
  std::shared_ptr<ServerLink> asker = std::move(event.asker);
  if (!asker) co_return true;
  if (!visit_.session || !visit_.sink.can_ask() || ++asked_ > kAsksMax) {
    asker->send(refusal(request));
    co_return true;
  }
  ClientAsk wanted;
  const Admitted admitted = admit_request(*visit_.session, server_name(call_, answer_), request, wanted);
  if (!admitted.refusal.empty()) {
    asker->send(admitted.refusal);
    co_return true;
  }
  wanted.asker = asker;
  wanted.raw_id = request.raw_id();
  wanted.raw_token = request.meta().find("progressToken");
  wanted.home = &Shard::current();
  TaskNames names;
  if (!admitted.about_tasks) names = task_names(call_, server_name(call_, answer_), request);
  wanted.task = names;
  const bool known = answer_.server != Plan::kAll;
  const Duration patience = known ? call_.plan.settings(answer_.server).timeout.input : TimeoutConfig().input;
  const TimePoint expires = Shard::current().now() + std::max(patience, admitted.patience_min);
  wanted.expires = expires;
  wanted.ended = [open = open_] { open->ended(); };
  const std::string id = visit_.session->ask(std::move(wanted));
  if (id.empty()) {
    asker->send(refusal(request));
    co_return true;
  }
  open_->begun();
  asks_.emplace(id, expires);
  const std::string text = with_task_ids(question(request, admitted, id), names.server, names.client);
  co_return co_await visit_.sink.event(text);
}

// The server takes a question back.
Task<bool> Relay::withdraw(const Message& cancelled) {
  const std::string_view raw_id = cancelled.param().find("requestId");
  for (const auto& [id, expires] : asks_) {
    const std::shared_ptr<ClientAsk> ask = visit_.session->find_ask(id);
    if (!ask || ask->raw_id != raw_id) continue;
    if (visit_.session->take_ask(id)) open_->ended();
    const std::string text = withdrawn(id);
    asks_.erase(id);
    co_return co_await visit_.sink.event(text);
  }
  co_return true;
}

Task<void> Relay::give_up_expired() {
  const TimePoint now = Shard::current().now();
  std::vector<std::string> late;
  for (const auto& [id, expires] : asks_)
    if (expires <= now) late.push_back(id);
  for (const std::string& id : late) {
    asks_.erase(id);
    std::shared_ptr<ClientAsk> ask = visit_.session->take_ask(id);
    if (!ask) continue;
    give_up_ask(std::move(ask));
    const bool there = co_await visit_.sink.event(withdrawn(id));
    (void)there;  // whether or not the client hears of it
  }
}

}  // namespace weir
