// How the answer stream of an old server is read over more than one connection.
#include <algorithm>

#include "runtime/shard.h"
#include "transport/streamable_reply.h"

namespace weir {
namespace {

constexpr int kFruitlessMax = 5;
// A connection that stood so long was no failure, whatever came of it: servers end quiet ones.
constexpr Duration kStood = std::chrono::seconds(5);
// The call's deadline mostly comes first.
constexpr std::uint32_t kRetryMax = 5 * 60 * 1000;

auto unknown(std::string detail) {
  return fail(Error::Kind::outcome_unknown, Error::Side::upstream, Error::Sent::maybe, std::move(detail));
}

bool is_temporary(int status) { return status == 429 || status >= 500; }

}  // namespace

// The connection is gone. Either another one is to be made, or the call's outcome will not be known.
Result<void> StreamableReply::part(const Error& why) {
  const TimePoint now = Shard::current().now();
  exchange_ = HttpExchange(PooledConnection());
  unread_ = {};
  if (decoder_.retry_ms()) retry_ms_ = std::min(*decoder_.retry_ms(), kRetryMax);
  if (stage_ == Stage::reading) {
    const std::string& id = decoder_.last_id();
    fruitful_ = fruitful_ || id != last_id_ || now - opened_ >= kStood;
    last_id_ = id;
  }
  fruitless_ = std::exchange(fruitful_, false) ? 0 : fruitless_ + 1;
  if (last_id_.empty() || is_new(peer_.facts.revision)) return fail(why);
  if (fruitless_ >= kFruitlessMax)
    return unknown("its answer stream ended without a response, and resuming it brought nothing: " +
                   why.detail());
  decoder_ = SseDecoder(owner_.options_.message_max);
  decoder_.go_on_behind(last_id_);
  again_ = now + std::chrono::milliseconds(retry_ms_);
  stage_ = Stage::resting;
  return {};
}

Task<Result<void>> StreamableReply::read(TimePoint until) {
  const Result<std::string_view> got = co_await exchange_.read_some(until, &cancel_);
  if (got && !got->empty()) {
    unread_ = *got;
    co_return Result<void>();
  }
  if (got) {
    exchange_.finish();
    co_return part(Error(Error::Kind::outcome_unknown, Error::Side::upstream, Error::Sent::maybe,
                         "its answer stream ended without a response"));
  }
  const Error::Kind kind = got.error().kind();
  // Cut off: by the connection's end, or in the middle of a body that ends with it.
  if (kind == Error::Kind::outcome_unknown || kind == Error::Kind::unreachable)
    co_return part(
        Error(Error::Kind::outcome_unknown, Error::Side::upstream, Error::Sent::maybe, got.error().detail()));
  co_return fail(got.error());
}

Task<Result<void>> StreamableReply::rest(TimePoint until) {
  const Wake wake = co_await Sleep(std::min(until, again_), &cancel_);
  if (wake == Wake::cancelled)
    co_return fail(Error::Kind::cancelled, Error::Side::client, Error::Sent::maybe, "cancelled");
  if (Shard::current().now() < again_)
    co_return fail(Error::Kind::deadline_exceeded, Error::Side::upstream, Error::Sent::maybe,
                   "its answer stream ended, and it was not to be resumed before the deadline");
  co_return co_await reconnect();
}

Task<Result<void>> StreamableReply::reconnect() {
  opened_ = Shard::current().now();
  std::string head = owner_.resuming_head(peer_, last_id_);
  const iovec piece{head.data(), head.size()};
  const std::span<const iovec> pieces(&piece, 1);
  Result<HttpExchange> begun = co_await owner_.begin(pieces, clock_.deadline(), cancel_);
  if (begun) {
    stage_ = Stage::asking;
    exchange_ = std::move(*begun);
    co_return Result<void>();
  }
  Error error = begun.error();
  error.set_sent(Error::Sent::maybe);  // the call was
  const bool ours = error.kind() == Error::Kind::cancelled || error.kind() == Error::Kind::deadline_exceeded;
  if (ours) co_return fail(std::move(error));
  co_return part(error);
}

// Some servers send the head with the first event only: it may be waited for in steps.
Task<Result<void>> StreamableReply::read_head(TimePoint until) {
  std::string refusal;
  HeadState state = exchange_.parse_head(refusal);
  while (state == HeadState::more) {
    const Result<std::size_t> got = co_await exchange_.fill(until, &cancel_);
    const Result<void> good = exchange_.filled(got);
    if (!good) {
      Error error = good.error();
      error.set_sent(Error::Sent::maybe);
      const bool ended =
          error.kind() == Error::Kind::outcome_unknown || error.kind() == Error::Kind::unreachable;
      if (ended) co_return part(error);
      co_return fail(std::move(error));
    }
    state = exchange_.parse_head(refusal);
  }
  if (state == HeadState::refused) co_return unknown("its answer stream could not be resumed: " + refusal);
  const ResponseHead& head = exchange_.head();
  const std::string answered =
      "resuming its answer stream was answered with HTTP " + std::to_string(head.status);
  if (is_temporary(head.status))
    co_return part(Error(Error::Kind::outcome_unknown, Error::Side::upstream, Error::Sent::maybe, answered));
  if (head.status == 404 && !peer_.session.empty()) peer_.lost = true;
  if (head.status != 200) co_return unknown(answered);
  const std::string_view type = head.get(Field::content_type);
  if (!equals_ignoring_case(type.substr(0, type.find(';')), "text/event-stream"))
    co_return unknown("resuming its answer stream was answered with no event stream");
  stage_ = Stage::reading;
  co_return Result<void>();
}

std::string Streamable::resuming_head(const Peer& peer, std::string_view last_id) const {
  std::string out = bare_head("GET", peer);
  out += "Accept: text/event-stream\r\nAccept-Encoding: identity\r\n";
  out.append("Last-Event-ID: ").append(last_id).append("\r\n\r\n");
  return out;
}

}  // namespace weir
