// The events of one call's answer stream, read as the client drains. Ends with the response; what the server
// asks on the way goes to the client, if whoever made the call brings it there.
#pragma once

#include <string>

#include "http/client.h"
#include "http/sse.h"
#include "transport/streamable.h"

namespace weir {

class StreamableReply final : public ReplyStream {
 public:
  /// All references outlive it; `id` is the request's, raw.
  StreamableReply(Streamable& owner, const Call& call, std::string id, HttpExchange exchange)
      : owner_(owner),
        peer_(*call.peer),
        id_(std::move(id)),
        exchange_(std::move(exchange)),
        decoder_(owner.options_.message_max),
        clock_(call.deadline, Shard::current().now()),
        cancel_(call.cancel),
        takes_requests_(call.takes_requests) {}
  ~StreamableReply() override;

  Task<Result<ReplyEvent>> next(TimePoint until) override;
  void pause() override { clock_.pause(Shard::current().now()); }
  void resume() override { clock_.resume(Shard::current().now()); }

 private:
  std::optional<ReplyEvent> take(Message message);

  Streamable& owner_;
  const Peer& peer_;
  std::string id_;
  HttpExchange exchange_;
  SseDecoder decoder_;
  std::string_view unread_;
  ReplyClock clock_;
  CancelScope& cancel_;
  const bool takes_requests_;
  bool ended_ = false;
};

}  // namespace weir
