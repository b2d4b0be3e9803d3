// A large answer that comes as one event of a stream.
#pragma once

#include <string>

#include "http/client.h"
#include "http/sse_data.h"
#include "transport/large_body.h"
#include "transport/streamable.h"

namespace weir {

class LargeEvent final : public LargeBody {
 public:
  /// The answer to `id` (raw) of `peer`. `begun`: the data so far, after which the stream goes on with what
  /// `exchange` gives. `owner` and `cancel` outlive it.
  LargeEvent(Streamable& owner, const Peer& peer, std::string id, HttpExchange exchange, std::string begun,
             ReplyClock clock, CancelScope& cancel)
      : owner_(owner),
        peer_(peer.shared_from_this()),
        id_(std::move(id)),
        exchange_(std::move(exchange)),
        begun_(std::move(begun)),
        clock_(clock),
        cancel_(cancel) {}

  /// Left before its end: an old server is told, a new one sees the connection close.
  ~LargeEvent() override;

  std::optional<std::uint64_t> length() const noexcept override { return std::nullopt; }
  Task<Result<std::string_view>> next() override;
  void finish() noexcept override { owner_.read_away(std::move(exchange_)); }

 private:
  using State = SseDataReader::State;
  Task<Result<std::string_view>> read();
  State scan();

  Streamable& owner_;
  const std::shared_ptr<const Peer> peer_;
  const std::string id_;
  HttpExchange exchange_;
  std::string begun_;
  SseDataReader reader_;
  std::string_view unread_;
  std::string_view part_;
  std::string joined_;     // small pieces of one read
  std::size_t taken_ = 0;  // bytes of the stream so far
  bool ended_ = false;
  ReplyClock clock_;
  CancelScope& cancel_;
};

}  // namespace weir
