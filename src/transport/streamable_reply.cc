#include "transport/streamable_reply.h"

#include <algorithm>

#include "runtime/shard.h"
#include "transport/server_requests.h"

namespace weir {

StreamableReply::~StreamableReply() {
  // Left before its end: the new era's server sees the connection close, an old one is told.
  if (!ended_ && !is_new(peer_.facts.revision)) owner_.tell(peer_, cancelled_notification(id_));
}

// An event for the client, or nothing.
Result<std::optional<ReplyEvent>> StreamableReply::take(Message message) {
  if (message.is_response()) {
    // A stream is one call's: what answers another is nobody's, and nothing behind it can be trusted.
    if (message.raw_id() != id_)
      return fail(Error(Error::Kind::upstream_protocol, Error::Side::upstream, Error::Sent::maybe,
                        "an event of its answer answers another request")
                      .set_wrong_id());
    ended_ = true;
    return std::optional(ReplyEvent(std::move(message), true));
  }
  if (message.is_request()) {
    // From 2026-07-28 on servers ask in their results.
    if (is_new(peer_.facts.revision)) return std::optional<ReplyEvent>();
    if (owner_.tells_too_much(peer_))
      return fail(Error::Kind::too_large, Error::Side::upstream, Error::Sent::maybe,
                  "it asks faster than it takes the answers");
    if (takes_requests_ && message.method() != "ping") {
      ReplyEvent event(std::move(message), false);
      event.asker = owner_.link_to(peer_);
      return std::optional(std::move(event));
    }
    owner_.tell(peer_, own_answer(message));
    return std::optional<ReplyEvent>();
  }
  if (message.method() == "notifications/progress") {
    if (message.param().find("progressToken") != id_) return std::optional<ReplyEvent>();
    clock_.progress(Shard::current().now());
  }
  return std::optional(ReplyEvent(std::move(message), false));
}

// What the decoder's event is to the client, if anything.
Result<std::optional<ReplyEvent>> StreamableReply::take_event() {
  SseEvent& event = decoder_.event();
  // Some servers send the event again that was named as the last one seen.
  if (!event.id.empty() && event.id == delivered_id_) return std::optional<ReplyEvent>();
  delivered_id_ = event.id;
  fruitful_ = true;
  if (!event.type.empty() && event.type != "message") return std::optional<ReplyEvent>();
  auto message = Message::index(Bytes::copy_of(event.data), JsonLimits(), Message::From::upstream);
  std::string().swap(event.data);  // a large one is not held twice while its client reads slowly
  if (!message)
    return fail(Error::Kind::upstream_protocol, Error::Side::upstream, Error::Sent::maybe,
                "an event of its answer is no JSON-RPC message: " + message.error().reason);
  Result<std::optional<ReplyEvent>> made = take(std::move(*message));
  if (!made) return fail(made.error());
  std::optional<ReplyEvent>& taken = *made;
  // Where events never run out, nothing is waited for that could end.
  if (taken && !taken->last && cancel_.cancelled())
    return fail(Error::Kind::cancelled, Error::Side::client, Error::Sent::maybe, "cancelled");
  if (taken && !taken->last && clock_.deadline() <= Shard::current().now())
    return fail(Error::Kind::deadline_exceeded, Error::Side::upstream, Error::Sent::maybe,
                "it reported without end and did not answer in time");
  return made;
}

// A long event has begun: the answer passes as it comes, unless more than its frame has to be seen or a cut
// can be mended.
bool StreamableReply::begin_large() {
  const bool new_era = is_new(peer_.facts.revision);
  if (!new_era && decoder_.resumable()) return false;
  large_place_ = StreamableLarge::place_of(decoder_.begun(), id_, takes_requests_ && new_era);
  if (large_place_ == StreamableLarge::Place::whole) return false;
  ended_ = true;
  large_ = std::make_unique<LargeEvent>(owner_, peer_, id_, std::move(exchange_), decoder_.take_begun(),
                                        clock_, cancel_);
  return true;
}

Task<Result<ReplyEvent>> StreamableReply::next(TimePoint until) {
  // Whoever asks again reads events.
  if (!std::exchange(first_, false)) decoder_.tell_begun(false);
  while (true) {
    const SseDecoder::State state = decoder_.next(unread_);
    if (state == SseDecoder::State::begun && begin_large()) co_return ReplyEvent();
    if (state == SseDecoder::State::more && room_ != nullptr &&
        decoder_.held() >= BufferBudget::kCountedMin && !room_->grow_to(decoder_.held()))
      co_return fail(Error::Kind::overloaded, Error::Side::gateway, Error::Sent::maybe,
                     "no memory is left for the answer (limits.buffers): come back later");
    if (state == SseDecoder::State::refused)
      co_return fail(Error::Kind::too_large, Error::Side::upstream, Error::Sent::maybe,
                     "an event of its answer is larger than limits.message");
    if (state == SseDecoder::State::event) {
      Result<std::optional<ReplyEvent>> event = take_event();
      if (!event) co_return fail(event.error());
      if (!*event) continue;
      if ((*event)->last) owner_.read_away(std::move(exchange_));
      co_return std::move(**event);
    }
    const TimePoint deadline = clock_.deadline();
    const TimePoint step = std::min(until, deadline);
    Result<void> done;
    if (stage_ == Stage::reading)
      done = co_await read(step);
    else if (stage_ == Stage::resting)
      done = co_await rest(step);
    else
      done = co_await read_head(step);
    if (done) continue;
    if (done.error().kind() == Error::Kind::deadline_exceeded && until < deadline) co_return ReplyEvent();
    co_return fail(done.error());
  }
}

}  // namespace weir
