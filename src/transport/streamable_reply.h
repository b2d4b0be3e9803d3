// The events of one call's answer stream, read as the client drains. Ends with the response; what the server
// asks us on the way is refused, since nobody answers it yet.
#pragma once

#include <string>

#include "http/client.h"
#include "http/sse.h"
#include "transport/streamable.h"

namespace weir {

class StreamableReply final : public ReplyStream {
 public:
  /// All references outlive it; `id` is the request's, raw.
  StreamableReply(Streamable& owner, const Peer& peer, std::string id, HttpExchange exchange,
                  TimePoint deadline, CancelScope& cancel)
      : owner_(owner),
        peer_(peer),
        id_(std::move(id)),
        exchange_(std::move(exchange)),
        decoder_(owner.options_.message_max),
        deadline_(deadline),
        patience_(deadline - Shard::current().now()),
        cancel_(cancel) {}
  ~StreamableReply() override;

  Task<Result<ReplyEvent>> next() override;

 private:
  std::optional<ReplyEvent> take(Message message);

  Streamable& owner_;
  const Peer& peer_;
  std::string id_;
  HttpExchange exchange_;
  SseDecoder decoder_;
  std::string_view unread_;
  TimePoint deadline_;
  Duration patience_;  // progress starts the deadline anew
  CancelScope& cancel_;
  bool ended_ = false;
};

/// `notifications/cancelled` for a request of ours.
std::string cancelled_notification(std::string_view raw_id);

}  // namespace weir
