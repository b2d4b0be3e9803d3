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
std::optional<ReplyEvent> StreamableReply::take(Message message) {
  if (message.is_response()) {
    if (message.raw_id() != id_) return std::nullopt;
    ended_ = true;
    return ReplyEvent(std::move(message), true);
  }
  if (message.is_request()) {
    if (takes_requests_ && message.method() != "ping") {
      ReplyEvent event(std::move(message), false);
      event.asker = owner_.link_to(peer_);
      return event;
    }
    owner_.tell(peer_, own_answer(message));
    return std::nullopt;
  }
  if (message.method() == "notifications/progress") {
    if (message.param().find("progressToken") != id_) return std::nullopt;
    clock_.progress(Shard::current().now());
  }
  return ReplyEvent(std::move(message), false);
}

Task<Result<ReplyEvent>> StreamableReply::next(TimePoint until) {
  while (true) {
    const SseDecoder::State state = decoder_.next(unread_);
    if (state == SseDecoder::State::refused)
      co_return fail(Error::Kind::too_large, Error::Side::upstream, Error::Sent::maybe,
                     "an event of its answer is larger than limits.message");
    if (state == SseDecoder::State::event) {
      if (!decoder_.event().type.empty() && decoder_.event().type != "message") continue;
      auto message =
          Message::index(Bytes::copy_of(decoder_.event().data), JsonLimits(), Message::From::upstream);
      if (!message)
        co_return fail(Error::Kind::upstream_protocol, Error::Side::upstream, Error::Sent::maybe,
                       "an event of its answer is no JSON-RPC message: " + message.error().reason);
      std::optional<ReplyEvent> event = take(std::move(*message));
      if (!event) continue;
      // Where events never run out, nothing is waited for that could end.
      if (!event->last && cancel_.cancelled())
        co_return fail(Error::Kind::cancelled, Error::Side::client, Error::Sent::maybe, "cancelled");
      if (!event->last && clock_.deadline() <= Shard::current().now())
        co_return fail(Error::Kind::deadline_exceeded, Error::Side::upstream, Error::Sent::maybe,
                       "it reported without end and did not answer in time");
      if (event->last) owner_.read_away(std::move(exchange_));
      co_return std::move(*event);
    }
    const TimePoint deadline = clock_.deadline();
    const Result<std::string_view> part = co_await exchange_.read_some(std::min(until, deadline), &cancel_);
    if (!part && part.error().kind() == Error::Kind::deadline_exceeded && until < deadline)
      co_return ReplyEvent();
    if (!part) co_return fail(part.error());
    if (part->empty())
      co_return fail(Error::Kind::outcome_unknown, Error::Side::upstream, Error::Sent::maybe,
                     "its answer stream ended without a response");
    unread_ = *part;
  }
}

}  // namespace weir
