#include "transport/streamable_reply.h"

#include "mcp/fault_map.h"
#include "runtime/shard.h"

namespace weir {

std::string cancelled_notification(std::string_view raw_id) {
  std::string out = R"({"jsonrpc":"2.0","method":"notifications/cancelled","params":{"requestId":)";
  out += raw_id;
  out += R"(,"reason":"the client has gone or its deadline has passed"}})";
  return out;
}

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
    std::string refusal;
    append_error(refusal, message.raw_id(), -32601, "no client takes requests through this gateway");
    owner_.tell(peer_, std::move(refusal));
    return std::nullopt;
  }
  if (message.method() == "notifications/progress") {
    if (message.param().find("progressToken") != id_) return std::nullopt;
    if (deadline_ != kForever) deadline_ = Shard::current().now() + patience_;
  }
  return ReplyEvent(std::move(message), false);
}

Task<Result<ReplyEvent>> StreamableReply::next() {
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
      if (!event->last && deadline_ <= Shard::current().now())
        co_return fail(Error::Kind::deadline_exceeded, Error::Side::upstream, Error::Sent::maybe,
                       "it reported without end and did not answer in time");
      if (event->last) owner_.read_away(std::move(exchange_));
      co_return std::move(*event);
    }
    const Result<std::string_view> part = co_await exchange_.read_some(deadline_, &cancel_);
    if (!part) co_return fail(part.error());
    if (part->empty())
      co_return fail(Error::Kind::outcome_unknown, Error::Side::upstream, Error::Sent::maybe,
                     "its answer stream ended without a response");
    unread_ = *part;
  }
}

}  // namespace weir
