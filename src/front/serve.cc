// One request from a known row to its last byte.
#include <array>

#include "front/envelope.h"
#include "front/relay.h"
#include "front/serving.h"
#include "gateway/bridge.h"
#include "gateway/call_keyed.h"
#include "gateway/task_calls.h"
#include "mcp/client_requests.h"
#include "mcp/fault_map.h"
#include "runtime/nursery.h"
#include "runtime/shard.h"

namespace weir {
namespace {

constexpr std::size_t kEditsMax = 3;  // the usual answer has one
constexpr Duration kStreamAfter = std::chrono::milliseconds(100);
constexpr Duration kStreamQuiet = std::chrono::seconds(15);  // before it gets a comment

// What a record calls the tool or prompt: as its server has it.
std::string_view recorded_tool(const Message& message, const MethodRow& row, const Call& leaf,
                               const std::string& target) {
  if (!target.empty()) return target;
  if (row.route != Route::by_name) return {};
  if (!leaf.name.empty()) return leaf.name;
  const std::string_view raw = raw_target(message, row);
  return raw.size() > 2 ? raw.substr(1, raw.size() - 2) : raw;
}

// The status of a whole answer. A capability that the client lacks is the one error of a server's whose
// status the specification orders: 2026-07-28 basic/index, "_meta".
int http_status(const Visit& visit, const Message& response) {
  const bool refused = response.kind() == Message::Kind::error && is_new(visit.client_view.revision);
  return refused && error_code(response.error()) == kMissingCapability ? 400 : 200;
}

// Whether this client may be asked something on the way to this answer.
bool can_be_asked(const Visit& visit, const MethodRow& row) {
  if (!visit.sink.can_ask()) return false;
  const bool new_client = is_new(visit.client_view.revision);
  if (new_client && row.route != Route::by_name && row.route != Route::by_uri) return false;
  return declares_input(visit.client_view.capabilities);
}

// An answer that does not come at once comes as a stream, where a cut stream can be gone on with.
bool streams_early(const Visit& visit, const MethodRow& row) {
  return visit.http != nullptr && visit.session && visit.session->revision >= Revision::v2025_11_25 &&
         row.route == Route::by_name;
}

// Whoever gives a key is to find what came of the call, though the connection broke. Where a client can say
// that it gives a call up, its word is taken.
bool outlives_connection(const Visit& visit, const Message& message, const MethodRow& row) {
  return visit.http != nullptr && !visit.session && row.route == Route::by_name &&
         row.kind == ListKind::tools && !message.meta().find(kMetaKey).empty();
}

// The sink knows of the room as long as there is one.
class SinkRoom {
 public:
  SinkRoom(AnswerSink& sink, BufferBudget::Lease& room) : sink_(sink) { sink.set_room(&room); }
  SinkRoom(const SinkRoom&) = delete;
  SinkRoom& operator=(const SinkRoom&) = delete;
  ~SinkRoom() { sink_.set_room(nullptr); }

 private:
  AnswerSink& sink_;
};

// Routes a request whose answer becomes a stream where it does not come at once: until then it is kept alive.
Task<void> route_in_stream(Visit& visit, ClientCall& call, Call& leaf, std::string& target, Answer& answer) {
  struct Route {
    static Task<void> run(ClientCall& by, Call& to, std::string& name, Answer& into, bool& over,
                          Waiter& ended) {
      co_await route_request(by, to, name, into);
      over = true;
      ended.wake();
    }
  };
  Waiter ended;
  bool over = false;
  Nursery nursery;
  nursery.start(Route::run(call, leaf, target, answer, over, ended));
  TimePoint until = Shard::current().now() + kStreamAfter;
  while (!over) {
    const Wake wake = co_await ended.wait(until, nullptr);
    if (over || wake != Wake::deadline) continue;
    visit.session->touch(Shard::current().now());
    co_await visit.sink.idle();
    until = Shard::current().now() + kStreamQuiet;
  }
  co_await nursery.join();
}

}  // namespace

// What listens does so for days: it has a small frame of its own.
Task<void> Serving::serve(Visit& visit, const Message& message, const MethodRow& row, CancelScope& scope) {
  return row.route == Route::listen ? serve_listen(visit, message, row, scope)
                                    : serve_call(visit, message, row, scope);
}

Task<void> Serving::serve_call(Visit& visit, const Message& message, const MethodRow& row,
                               CancelScope& leaving) {
  std::optional<CancelScope> staying;
  if (outlives_connection(visit, message, row)) staying.emplace();
  CancelScope& scope = staying ? *staying : leaving;
  const TimePoint begun = Shard::current().now();
  RequestRecord record;
  ClientCall call(message, row, *visit.plan, scope);
  call.only = visit.only;
  call.client = visit.client_view;
  call.client.identity = visit.client;
  call.notes = &record.notes;
  call.session = visit.session.get();
  call.parked = &gateway_.parked();
  call.states = &gateway_.states();
  call.tasks = &gateway_.tasks();
  call.keys = &gateway_.keys();
  Call leaf(message, row, scope);
  leaf.client = call.client;
  leaf.notes = &record.notes;
  leaf.takes_large = visit.http != nullptr && !asks_for_task(message, row);
  leaf.takes_requests = can_be_asked(visit, row);
  TraceTexts trace;
  record.span = trace.open(visit.head, message, random_);
  record.random = &random_;
  leaf.trace = call.trace = trace.view();
  BufferBudget::Lease room(budget_, visit.client);
  visit.room = leaf.room = &room;
  leaf.budget = budget_;
  const SinkRoom in_sink(visit.sink, room);
  std::string target;
  Answer answer;
  if (streams_early(visit, row))
    co_await route_in_stream(visit, call, leaf, target, answer);
  else
    co_await route_request(call, leaf, target, answer);
  if (answer.reply && answer.reply->first.last && !answer.reply->large &&
      !hold_answer(visit, call, answer, *answer.reply->first.message))
    answer.reply.reset();
  // The server is done with it; its client may take its time.
  if (!answer.reply || (answer.reply->first.last && !answer.reply->large)) leaf.own_permit.end();
  if (!answer.reply) {
    if (call.keyed) call.keyed->forget();
    co_await visit.sink.finish(status_of(answer), answer.text);
  } else if (answer.reply->large) {
    co_await relay_large(visit, call, answer);
  } else {
    const bool special = answer.reply->first.last && !is_complete(*answer.reply->first.message);
    if (special) note_task(call, answer, *answer.reply->first.message);
    OutgoingAnswer made = outgoing_answer(call, answer);
    std::string state;
    if (special)
      made.request_state = state =
          sealed_state(call, answer.server, answer.reply->endpoint, *answer.reply->first.message);
    if (answer.reply->first.last && visit.http != nullptr && !visit.sink.streaming()) {
      // The usual answer is whole: it goes out from where it came in, mostly without a wait.
      const Message& response = *answer.reply->first.message;
      note_outcome(answer, call, response);
      keep_answer(call, answer, response);
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
      HttpResponder& responder = visit.http->responder();
      if (!responder.respond_now(http_status(visit, response), "application/json", visit.http->fields(),
                                 std::span(pieces.data(), count))) {
        const Result<void> sent = co_await responder.finish();
        (void)sent.has_value();  // a client that has gone is noticed by its connection
      }
    } else {
      Relay relay(visit, call, answer, made);
      co_await relay.run();
    }
  }
  record.method = row.name;
  record.server = server_name(call, answer);
  record.tool = recorded_tool(message, row, leaf, target);
  record.outcome = answer.outcome;
  record.client = visit.client;
  record.session = visit.client_view.session;
  record.client_revision = visit.client_view.revision;
  record.duration = Shard::current().now() - begun;
  observer_.finished(record);
}

int Serving::status_of(const Answer& answer) const noexcept {
  if (answer.status != 200) return answer.status;
  if (!error_status_http_) return 200;
  const std::string_view outcome = answer.outcome;
  return outcome == "overloaded" || outcome == "no_healthy_endpoint" || outcome == "shutting_down" ? 503
                                                                                                   : 200;
}

Task<void> Serving::relay_large(Visit& visit, ClientCall& call, Answer& answer) {
  LargeResult& large = *answer.reply->large;
  HttpResponder& responder = visit.http->responder();
  // In a stream that has begun it is an event like any other.
  const bool streaming = visit.sink.streaming();
  const std::optional<std::uint64_t> length = streaming ? std::nullopt : large.length();
  if (length) responder.begin_sized("application/json", visit.http->fields(), *length);
  const bool passes = length || (responder.tells_end() && !streaming);
  GrowingBytes whole;  // where it can't pass
  Result<void> sent;
  while (true) {
    const Result<std::span<const std::string_view>> pieces = co_await large.next();
    if (!pieces) {
      answer.outcome = to_string(pieces.error().kind()).data();
      // Once it has begun, only the connection's end can say that it is not whole.
      if (responder.begun() && !streaming) co_return;
      std::string out;
      append_fault(out, call.message.raw_id(), pieces.error(), server_name(call, answer));
      co_await visit.sink.finish(200, out);
      co_return;
    }
    const bool over = pieces->empty();
    if (!passes) {
      bool fits = true;
      for (const std::string_view piece : *pieces)
        fits = fits && visit.room->grow_to(whole.size() + piece.size()) && whole.append(piece);
      if (!fits) {
        put_fault(answer, call, no_room_for_answer(), answer.server);
        co_await visit.sink.finish(200, answer.text);
        co_return;
      }
      if (over) co_await visit.sink.finish(200, whole.take().view());
    } else if (length) {
      if (!over && !responder.body_now(*pieces)) sent = co_await responder.finish();
    } else {
      if (!responder.begun())
        sent = co_await responder.begin_unsized("application/json", visit.http->fields());
      if (sent && !over) sent = co_await responder.part(*pieces);
      if (sent && over) sent = co_await responder.end();
    }
    if (!sent) {
      answer.outcome = "cancelled";
      co_return;
    }
    if (over) break;
  }
  if (call.row.kind == ListKind::tools && large.tool_error()) answer.outcome = "tool_error";
}

void take_new_client(Visit& visit, const Message& message, const ClientWord& checked) {
  visit.client_view.revision = Revision::v2026_07_28;
  visit.client_view.client_info = checked.client_info;
  visit.client_view.capabilities = checked.capabilities;
  if (message.meta_text(kMetaLogLevel, visit.log_level)) visit.client_view.log_level = visit.log_level;
}

std::optional<SpanIds> TraceTexts::open(const RequestHead* head, const Message& message, Random& random) {
  std::string text;
  std::optional<SpanIds> parent;
  if (message.meta_text("traceparent", text)) parent = parse_traceparent(text);
  const bool in_meta = parent.has_value();
  if (!parent && head != nullptr && head->has(Field::traceparent))
    parent = parse_traceparent(head->get(Field::traceparent));
  if (!parent) return std::nullopt;
  const RandomBits bits = [&random] { return random.next(); };
  const SpanIds span = child_of(*parent, bits);
  append_traceparent(parent_, span);
  text.clear();
  const bool has_state = in_meta ? message.meta_text("tracestate", text) : head->has(Field::tracestate);
  if (has_state) state_ = parse_tracestate(in_meta ? text : head->get(Field::tracestate)).value_or("");
  return span;
}

}  // namespace weir
