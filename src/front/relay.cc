// The answer's way back: the client's own id and token put on, as JSON or as an event stream.
#include <array>

#include "front/visit.h"
#include "mcp/fault_map.h"
#include "mcp/outgoing.h"
#include "runtime/shard.h"

namespace weir {
namespace {

constexpr std::size_t kEditsMax = 7;

constexpr std::array<std::string_view, 8> kLevels = {"debug", "info",     "notice", "warning",
                                                     "error", "critical", "alert",  "emergency"};

std::size_t rank(std::string_view level) noexcept {
  for (std::size_t i = 0; i < kLevels.size(); ++i)
    if (kLevels[i] == level) return i;
  return kLevels.size();
}

// Whether a notification on the way is for this client, which must have asked for such.
bool wanted(const Message& notification, const ClientView& client, std::string_view token) {
  const std::string_view method = notification.method();
  if (method == "notifications/progress") return !token.empty();
  if (method == "notifications/message") {
    std::string level;
    return notification.param_text("level", level) && log_level_reaches(level, client.log_level);
  }
  return !method.ends_with("list_changed") && method != "notifications/resources/updated" &&
         method != "notifications/cancelled";
}

OutgoingAnswer outgoing(const ClientCall& call, const Answer& answer) {
  OutgoingAnswer made;
  made.client_id = call.message.raw_id();
  made.client = call.client.revision;
  made.upstream = answer.reply->peer->facts.revision;
  made.uri_from = answer.uri_from;
  made.uri_to = answer.uri_to;
  return made;
}

void note_outcome(Answer& answer, const ClientCall& call, const Message& response) {
  if (response.kind() == Message::Kind::error)
    answer.outcome = "upstream_error";
  else if (call.row.kind == ListKind::tools && is_tool_error(response))
    answer.outcome = "tool_error";
}

}  // namespace

bool is_log_level(std::string_view level) noexcept { return rank(level) < kLevels.size(); }

bool log_level_reaches(std::string_view level, std::string_view least) noexcept {
  return is_log_level(least) && is_log_level(level) && rank(level) >= rank(least);
}

Task<void> HttpEntry::serve(Visit& visit, const Message& message, const MethodRow& row, CancelScope& scope) {
  const TimePoint begun = Shard::current().now();
  RequestRecord record;
  ClientCall call(message, row, visit.plan, scope);
  call.only = visit.only;
  call.client = visit.client_view;
  call.client.identity = visit.client;
  call.notes = &record.notes;
  Call leaf(message, row, scope);
  leaf.client = call.client;
  leaf.notes = &record.notes;
  leaf.takes_large = visit.batch == nullptr;
  TraceTexts trace;
  record.span = trace.open(visit.request.head, message, random_);
  record.random = &random_;
  leaf.trace = call.trace = trace.view();
  std::string target;
  Answer answer;
  co_await route_request(call, leaf, target, answer);
  if (!answer.reply) {
    co_await send(visit, status_of(answer), answer.text);
  } else if (answer.reply->large) {
    co_await relay_large(visit, call, answer);
  } else if (!answer.reply->first.last || visit.batch != nullptr) {
    co_await relay(visit, call, answer);
  } else {
    // The usual answer is whole: it goes out from where it came in, mostly without a wait.
    const OutgoingAnswer made = outgoing(call, answer);
    const Message& response = *answer.reply->first.message;
    note_outcome(answer, call, response);
    Splices edits = response_edits(response, row, made);
    std::array<std::string_view, 2 * kEditsMax + 1> pieces;
    std::string joined;
    std::size_t count = 1;
    if (edits.edits() <= kEditsMax) {
      count = edits.pieces(pieces.data());
    } else {
      edits.append_to(joined);
      pieces[0] = joined;
    }
    if (!visit.responder.respond_now(200, "application/json", visit.fields,
                                     std::span(pieces.data(), count))) {
      const Result<void> sent = co_await visit.responder.finish();
      (void)sent.has_value();  // a client that has gone is noticed by its connection
    }
  }
  record.method = row.name;
  if (answer.server != Plan::kAll) record.server = visit.plan.servers[answer.server]->name();
  if (!target.empty()) {
    record.tool = target;
  } else if (row.route == Route::by_name) {
    record.tool = leaf.name.empty() ? raw_target(message, row) : leaf.name;
    if (leaf.name.empty() && record.tool.size() > 2)
      record.tool = record.tool.substr(1, record.tool.size() - 2);
  }
  record.outcome = answer.outcome;
  record.client = visit.client;
  record.session = visit.client_view.session;
  record.client_revision = visit.client_view.revision;
  record.duration = Shard::current().now() - begun;
  observer_.finished(record);
}

int HttpEntry::status_of(const Answer& answer) const noexcept {
  if (answer.status != 200) return answer.status;
  if (!options_.error_status_http) return 200;
  const std::string_view outcome = answer.outcome;
  return outcome == "overloaded" || outcome == "no_healthy_endpoint" || outcome == "shutting_down" ? 503
                                                                                                   : 200;
}

Task<void> HttpEntry::relay_large(Visit& visit, ClientCall& call, Answer& answer) {
  LargeResult& large = *answer.reply->large;
  visit.responder.begin_sized("application/json", visit.fields, large.length());
  while (true) {
    const Result<std::span<const std::string_view>> pieces = co_await large.next();
    if (!pieces) {
      answer.outcome = to_string(pieces.error().kind()).data();
      // Once its length was told, only the connection's end can say that it is not whole.
      if (visit.responder.begun()) co_return;
      std::string out;
      append_fault(out, call.message.raw_id(), pieces.error(), call.plan.servers[answer.server]->name());
      co_await send(visit, 200, out);
      co_return;
    }
    if (pieces->empty()) break;
    if (!visit.responder.body_now(*pieces)) {
      const Result<void> sent = co_await visit.responder.finish();
      if (!sent) {
        answer.outcome = "cancelled";
        co_return;
      }
    }
  }
  if (call.row.kind == ListKind::tools && large.tool_error()) answer.outcome = "tool_error";
}

Task<void> HttpEntry::relay(Visit& visit, ClientCall& call, Answer& answer) {
  Reply& reply = *answer.reply;
  const std::string_view token = call.message.meta().find("progressToken");
  const OutgoingAnswer made = outgoing(call, answer);
  std::optional<ReplyEvent> event(std::move(reply.first));
  std::string out;
  bool streaming = false;
  while (true) {
    const Message& message = *event->message;
    out.clear();
    if (event->last) {
      note_outcome(answer, call, message);
      append_response(out, message, call.row, made);
      break;
    }
    if (visit.batch == nullptr && wanted(message, call.client, token)) {
      append_notification(out, message, token);
      Result<void> sent;
      if (!streaming) sent = co_await visit.responder.begin_events(visit.fields);
      streaming = true;
      if (sent) sent = co_await visit.responder.event(out, {});
      // An old client that has gone may still be served: its call runs on, for what it does.
      if (!sent && is_new(call.client.revision)) {
        answer.outcome = "cancelled";
        co_return;
      }
    }
    Result<ReplyEvent> next = co_await reply.rest->next(kForever);
    if (!next) {
      answer.outcome = to_string(next.error().kind()).data();
      out.clear();
      append_fault(out, made.client_id, next.error(), call.plan.servers[answer.server]->name());
      break;
    }
    event.emplace(std::move(*next));
  }
  if (!streaming) {
    co_await send(visit, 200, out);
    co_return;
  }
  const Result<void> sent = co_await visit.responder.event(out, {});
  if (sent) {
    const Result<void> ended = co_await visit.responder.end_events();
    (void)ended.has_value();
  }
}

std::optional<SpanIds> TraceTexts::open(const RequestHead& head, const Message& message, Random& random) {
  std::string text;
  std::optional<SpanIds> parent;
  if (message.meta_text("traceparent", text)) parent = parse_traceparent(text);
  const bool in_meta = parent.has_value();
  if (!parent && head.has(Field::traceparent)) parent = parse_traceparent(head.get(Field::traceparent));
  if (!parent) return std::nullopt;
  const RandomBits bits = [&random] { return random.next(); };
  const SpanIds span = child_of(*parent, bits);
  append_traceparent(parent_, span);
  text.clear();
  const bool has_state = in_meta ? message.meta_text("tracestate", text) : head.has(Field::tracestate);
  if (has_state) state_ = parse_tracestate(in_meta ? text : head.get(Field::tracestate)).value_or("");
  return span;
}

}  // namespace weir
