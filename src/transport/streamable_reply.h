// The events of one call's answer stream, read as the client drains. Ends with the response; what the server
// asks on the way goes to the client, if whoever made the call brings it there. An old server may end the
// connection before that: then the stream is taken up again by GET, behind the last event that came whole.
// Source: MCP 2025-11-25 basic/transports, "Resumability and Redelivery".
#pragma once

#include <string>

#include "http/client.h"
#include "http/sse.h"
#include "transport/large_event.h"
#include "transport/streamable.h"
#include "transport/streamable_large.h"

namespace weir {

class StreamableReply final : public ReplyStream {
 public:
  /// `owner`, the call's peer, scope and room outlive it; `id` is the request's, raw.
  StreamableReply(Streamable& owner, const Call& call, std::string id, HttpExchange exchange)
      : owner_(owner),
        peer_(*call.peer),
        id_(std::move(id)),
        exchange_(std::move(exchange)),
        decoder_(owner.options_.message_max),
        clock_(call.deadline, Shard::current().now()),
        cancel_(call.cancel),
        takes_requests_(call.takes_requests),
        room_(call.room) {
    decoder_.tell_begun(StreamableLarge::may_pass(call));
  }
  ~StreamableReply() override;

  Task<Result<ReplyEvent>> next(TimePoint until) override;
  void pause() override { clock_.pause(Shard::current().now()); }
  /// After the first next(): the answer, if it is large and passes as it comes; null otherwise.
  std::unique_ptr<LargeBody> take_large() noexcept { return std::move(large_); }
  StreamableLarge::Place large_place() const noexcept { return large_place_; }
  void resume() override { clock_.resume(Shard::current().now()); }

 private:
  /// What is waited for: events, the time to reconnect, the answer's head to a reconnection.
  enum class Stage : std::uint8_t { reading, resting, asking };

  Result<std::optional<ReplyEvent>> take_event();
  bool begin_large();
  Result<std::optional<ReplyEvent>> take(Message message);
  Result<void> part(const Error& why);
  Task<Result<void>> read(TimePoint until);
  Task<Result<void>> rest(TimePoint until);
  Task<Result<void>> reconnect();
  Task<Result<void>> read_head(TimePoint until);

  Streamable& owner_;
  const Peer& peer_;
  std::string id_;
  HttpExchange exchange_;
  SseDecoder decoder_;
  std::string_view unread_;
  ReplyClock clock_;
  CancelScope& cancel_;
  const bool takes_requests_;
  BufferBudget::Lease* const room_;  // of events that come whole; null: not counted
  bool ended_ = false;
  bool first_ = true;  // nobody has asked yet
  std::unique_ptr<LargeBody> large_;
  StreamableLarge::Place large_place_ = StreamableLarge::Place::whole;

  Stage stage_ = Stage::reading;
  std::string last_id_;       // the decoder's, of the connection before
  std::string delivered_id_;  // of the last one that was a message
  std::uint32_t retry_ms_ = 1000;
  bool fruitful_ = true;  // the present connection brought something; the first was no reconnection
  int fruitless_ = 0;     // reconnections in a row that brought nothing
  TimePoint opened_{};    // the present connection
  TimePoint again_{};     // when to reconnect
};

}  // namespace weir
