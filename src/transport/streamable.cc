#include "transport/streamable.h"

#include <algorithm>

#include "http/sse.h"
#include "mcp/fault_map.h"
#include "runtime/shard.h"
#include "transport/server_requests.h"
#include "transport/streamable_late.h"
#include "transport/streamable_reply.h"

namespace weir {
Streamable::~Streamable() { *self_ = nullptr; }

std::string Streamable::describe() const { return "streamable http " + options_.host + options_.path; }

// Sends a request over a connection that rests, or a new one.
Task<Result<HttpExchange>> Streamable::begin(std::span<const iovec> pieces, TimePoint deadline,
                                             CancelScope& cancel, TimePoint connect_by) {
  // A resting connection that the server has closed fails before a byte is taken: the next one is tried.
  while (true) {
    PooledConnection connection = pool_.take_idle();
    const bool fresh = !connection;
    if (fresh) {
      const TimePoint until = std::min({deadline, connect_by, shard_.now() + options_.connect_time});
      Result<PooledConnection> opened = co_await pool_.open(until, cancel);
      if (!opened) {
        Error error = opened.error();
        // Not the call's own deadline but the connection's: the server is not there.
        if (error.kind() == Error::Kind::deadline_exceeded && until < deadline) {
          error = Error(Error::Kind::unreachable, Error::Side::upstream, Error::Sent::no,
                        "connecting took too long");
          // Another endpoint is asked sooner than this one is given up.
          if (until == connect_by) error.set_impatient();
        }
        co_return fail(std::move(error));
      }
      connection = std::move(*opened);
    }
    HttpExchange exchange(std::move(connection));
    Result<void> sent = co_await exchange.send(pieces, deadline, &cancel);
    if (sent) co_return exchange;
    if (fresh || sent.error().sent() != Error::Sent::no || sent.error().kind() != Error::Kind::unreachable)
      co_return fail(sent.error());
  }
}

Task<Result<Reply>> Streamable::call(Call& call) {
  const std::string id = std::to_string(next_id_++);
  std::size_t size = 0;
  const Buffer wire = write_call(call, id, size);
  const iovec piece{wire.data(), size};
  const std::span<const iovec> pieces(&piece, 1);
  Error failed;
  for (int attempt = 0; attempt < 2; ++attempt) {
    // The usual call finds a resting connection and room in its socket: no wait before the answer.
    HttpExchange exchange(attempt == 0 ? pool_.take_idle() : PooledConnection());
    if (!exchange.connected() || !exchange.send_now(Bytes(wire, std::string_view(wire.data(), size)))) {
      Result<HttpExchange> begun = co_await begin(pieces, call.deadline, call.cancel, call.connect_by);
      if (!begun) {
        failed = begun.error();
        break;
      }
      exchange = std::move(*begun);
    }
    std::string refusal;
    HeadState state = exchange.parse_head(refusal);
    Result<void> good;
    const TimePoint late = std::min(call.first_by, call.deadline);
    while (state == HeadState::more && good) {
      const Result<std::size_t> got = co_await exchange.fill(late, &call.cancel);
      if (!got && got.error().kind() == Error::Kind::deadline_exceeded && late < call.deadline) {
        Reply reply;
        reply.rest = std::make_unique<StreamableLate>(*this, call, id, std::move(exchange));
        co_return reply;
      }
      good = exchange.filled(got);
      if (good) state = exchange.parse_head(refusal);
    }
    if (!good) {
      failed = good.error();
      // A resting connection closed while the request was under way: what it never saw is sent again, what
      // only reads is asked once more.
      const bool stale = exchange.reused() && !exchange.answered();
      const bool cut = failed.kind() == Error::Kind::outcome_unknown;
      const bool unsent = failed.kind() == Error::Kind::unreachable && failed.sent() == Error::Sent::no;
      if (stale && (unsent || (cut && call.row.safe_to_repeat))) continue;
      break;
    }
    const ResponseHead& head = exchange.head();
    const bool usual =
        head.get(Field::content_type) == "application/json" && !head.has(Field::content_encoding);
    if (state == HeadState::done && !usual && refusal.empty()) refusal = fault_of(head);
    if (!refusal.empty()) {
      failed = Error(Error::Kind::upstream_protocol, Error::Side::upstream, Error::Sent::maybe, refusal);
      break;
    }
    Bytes whole;
    if (head.status == 200 && !is_event_stream(head) && exchange.take_whole(options_.message_max, whole)) {
      Result<Reply> reply = read_body(id, 200, {}, std::move(whole), false);
      if (reply) {
        exchange.finish();  // else the next answer may be another's, too
        co_return reply;
      }
      failed = reply.error();
      break;
    }
    const std::uint64_t length = exchange.length().value_or(0);
    if (head.status == 200 && !is_event_stream(head) && length >= StreamableLarge::kLargeMin &&
        length <= options_.message_max && StreamableLarge::may_pass(call)) {
      while (good && exchange.pending().size() < StreamableLarge::kHeadMin)
        good = exchange.filled(co_await exchange.fill(call.deadline, &call.cancel));
      if (!good) {
        failed = good.error();
        break;
      }
      const StreamableLarge::Place place = StreamableLarge::place_of(
          exchange.pending(), id, call.takes_requests && is_new(call.peer->facts.revision));
      if (place != StreamableLarge::Place::whole)
        co_return large_reply(call, id, place,
                              std::make_unique<LargeJson>(std::move(exchange), Bytes(), options_.message_max,
                                                          call.deadline, call.cancel));
    }
    const bool streamed = head.status == 200 && is_event_stream(head);
    Result<Reply> reply = co_await read_reply(call, id, std::move(exchange));
    if (reply || streamed) co_return reply;  // a stream that is left tells the server itself
    failed = reply.error();
    break;
  }
  given_up(call, id, failed);
  co_return fail(std::move(failed));
}

// An old server is told when nobody waits any more; a new one sees the connection close.
void Streamable::given_up(const Call& call, const std::string& id, const Error& error) {
  const bool ours = error.kind() == Error::Kind::cancelled || error.kind() == Error::Kind::deadline_exceeded;
  if (ours && error.sent() == Error::Sent::maybe && !is_new(call.peer->facts.revision))
    tell(*call.peer, cancelled_notification(id));
}

}  // namespace weir
