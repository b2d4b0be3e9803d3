// What an answer over Streamable HTTP is: the response, an event stream, a large body, or a fault.
#include <algorithm>
#include <charconv>

#include "http/accept.h"
#include "transport/streamable.h"
#include "transport/streamable_reply.h"

namespace weir {
namespace {

auto upstream_fault(Error::Kind kind, std::string detail) {
  return fail(kind, Error::Side::upstream, Error::Sent::maybe, std::move(detail));
}

}  // namespace

namespace {

Error refusal_of(int status, std::string_view retry_after, Error::Sent sent) {
  using Kind = Error::Kind;
  const std::string answered = "it answered HTTP " + std::to_string(status);
  if (status == 401) return Error(Kind::needs_authorization, Error::Side::upstream, sent, answered);
  if (status == 403) return Error(Kind::needs_authorization, Error::Side::upstream, sent, answered);
  if (status == 429 || status == 503) {
    Error error(Kind::overloaded, Error::Side::upstream, sent, answered);
    unsigned seconds = 0;
    const char* const end = retry_after.data() + retry_after.size();
    if (std::from_chars(retry_after.data(), end, seconds).ptr != end) seconds = 0;
    if (seconds != 0 && seconds < 86400) error.set_retry_after(std::chrono::seconds(seconds));
    return error;
  }
  if (status >= 300 && status < 400)
    return Error(Kind::upstream_protocol, Error::Side::upstream, sent,
                 answered + ": redirects are not followed");
  return Error(Kind::upstream_protocol, Error::Side::upstream, sent, answered);
}

}  // namespace

Error error_of_status(int status, std::string_view retry_after, Error::Sent sent) {
  Error error = refusal_of(status, retry_after, sent);
  error.set_status(status);
  return error;
}

// Why an answer with this head can't be read; mostly empty.
std::string Streamable::fault_of(const ResponseHead& head) {
  const std::string_view coding = head.get(Field::content_encoding);
  if (coding.empty() || equals_ignoring_case(coding, "identity") || Inflater::of(coding)) {
    // Of a refusal the status says enough, and one without a type is taken at its word.
    const std::string_view type = bare_type(head.get(Field::content_type));
    const bool known = head.status != 200 || type.empty() || equals_ignoring_case(type, "application/json") ||
                       equals_ignoring_case(type, "text/event-stream");
    return known ? std::string() : "its answer is neither application/json nor text/event-stream";
  }
  const bool plain = std::all_of(coding.begin(), coding.end(), [](char c) { return c > ' ' && c <= '~'; });
  return "it answered in " + (plain ? "the coding " + std::string(coding.substr(0, 32)) : "a coding") +
         ", though only identity was accepted";
}

Reply Streamable::large_reply(const Call& call, const std::string& id, StreamableLarge::Place place,
                              std::unique_ptr<LargeBody> body) {
  Reply reply;
  reply.first.last = true;
  reply.large = std::make_unique<StreamableLarge>(std::move(body), place, id, call.message.raw_id());
  return reply;
}

Task<Result<Reply>> Streamable::read_reply(Call& call, const std::string& id, HttpExchange exchange) {
  const ResponseHead& head = exchange.head();
  if (head.status == 200 && is_event_stream(head)) {
    auto rest = std::make_unique<StreamableReply>(*this, call, id, std::move(exchange));
    Result<ReplyEvent> first = co_await rest->next(call.first_by);
    if (!first) co_return fail(first.error());
    if (std::unique_ptr<LargeBody> large = rest->take_large())
      co_return large_reply(call, id, rest->large_place(), std::move(large));
    Reply reply(std::move(*first));
    if (!reply.first.last) reply.rest = std::move(rest);
    co_return reply;
  }
  co_return co_await read_json(call, id, exchange, head.status);
}

// Reads the begin of a body whose length was not said: true if it is a large one.
Task<Result<bool>> Streamable::begins_large(const Call& call, HttpExchange& exchange, GrowingBytes& begun) {
  while (begun.size() < StreamableLarge::kLargeMin) {
    const Result<std::string_view> part = co_await exchange.read_some(call.deadline, &call.cancel);
    if (!part) co_return fail(part.error());
    if (part->empty()) co_return false;
    if (!begun.append(*part))
      co_return fail(Error::Kind::overloaded, Error::Side::gateway, Error::Sent::maybe,
                     "no memory is left for the answer (limits.buffers): come back later");
  }
  co_return true;
}

Task<Result<Reply>> Streamable::read_json(Call& call, const std::string& id, HttpExchange& exchange,
                                          int status) {
  const std::string retry_after(exchange.head().get(Field::retry_after));
  GrowingBytes begun;
  if (status == 200 && !exchange.length() && StreamableLarge::may_pass(call)) {
    const Result<bool> large = co_await begins_large(call, exchange, begun);
    if (!large) co_return fail(large.error());
    const StreamableLarge::Place place =
        *large ? StreamableLarge::place_of(begun.view(), id,
                                           call.takes_requests && is_new(call.peer->facts.revision))
               : StreamableLarge::Place::whole;
    if (place != StreamableLarge::Place::whole)
      co_return large_reply(call, id, place,
                            std::make_unique<LargeJson>(std::move(exchange), begun.take(),
                                                        options_.message_max, call.deadline, call.cancel));
  }
  Result<Bytes> body = co_await exchange.read_all(options_.message_max, call.deadline, &call.cancel,
                                                  call.room, std::move(begun));
  if (!body) co_return fail(body.error());
  const Bytes text = *body;
  // A session that it has forgotten: 404 by the specification, 400 by some; then it has not run the call. But
  // a server may answer so for its own reasons: of what must not be run twice that has to be certain.
  const bool in_session = !is_new(call.peer->facts.revision) && !call.peer->session.empty();
  Result<Reply> reply = read_body(id, status, retry_after, std::move(*body), in_session);
  if (reply || status != 200) exchange.finish();
  if (reply || !reply.error().forgotten()) co_return reply;
  bool alive = false;
  if (!call.may_repeat() && call.row.route == Route::by_name) alive = co_await answers_in_session(call);
  if (alive) co_return read_body(id, status, retry_after, text, false);
  call.peer->lost = true;
  co_return reply;
}

// Whether the session of this call is one that the server still knows.
Task<bool> Streamable::answers_in_session(const Call& call) {
  static const std::string kText = R"({"jsonrpc":"2.0","id":0,"method":"ping"})";
  const auto message = Message::index(Bytes::copy_of(kText), JsonLimits(), Message::From::upstream);
  Call ping(*message, *find_method("ping"), call.cancel);
  ping.client.revision = call.peer->facts.revision;
  ping.peer = call.peer;
  ping.deadline = call.deadline;
  const Result<Reply> reply = co_await this->call(ping);
  co_return reply || !reply.error().forgotten();
}

// What a whole body says: the response, or why it is none.
Result<Reply> Streamable::read_body(const std::string& id, int status, const std::string& retry_after,
                                    Bytes body, bool in_session) {
  const bool nothing = body.view().empty() && status < 300;
  auto message = Message::index_owned(std::move(body), JsonLimits(), Message::From::upstream);
  const bool response = message && (*message)->is_response();
  const bool ours = response && (*message)->raw_id() == id;
  if (in_session && (status == 404 || (status == 400 && !ours))) {
    return fail(Error(Error::Kind::unreachable, Error::Side::upstream, Error::Sent::no,
                      "the server has ended its session")
                    .set_forgotten());
  }
  // Made where it goes.
  const auto reply = [&message] {
    return Result<Reply>(tl::in_place, ReplyEvent(std::move(*message), true));
  };
  // A result under any other status is a contradiction; so is an error where the status says where to go or
  // what to bring.
  const bool refused = (status >= 300 && status < 400) || status == 401 || status == 403;
  if (ours && ((*message)->kind() == Message::Kind::result ? status == 200 : !refused)) return reply();
  // A refusal before the request was understood carries no id; it is this call's all the same.
  if (response && (*message)->kind() == Message::Kind::error && (*message)->raw_id() == "null" &&
      status >= 400 && status < 500 && status != 401 && status != 429)
    return reply();
  if (nothing)
    return upstream_fault(Error::Kind::upstream_protocol,
                          "it answered a request with nothing (HTTP " + std::to_string(status) + ")");
  if (status != 200) return fail(error_of_status(status, retry_after, Error::Sent::maybe));
  if (response)
    return fail(Error(Error::Kind::upstream_protocol, Error::Side::upstream, Error::Sent::maybe,
                      "it answered another request's id")
                    .set_wrong_id());
  return upstream_fault(Error::Kind::upstream_protocol,
                        "its answer is no JSON-RPC response: " +
                            (message ? std::string("a request came instead") : message.error().reason));
}

}  // namespace weir
