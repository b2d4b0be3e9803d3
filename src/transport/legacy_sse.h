// A server over HTTP+SSE, the transport of the first revisions: one GET whose event stream brings all that
// the server says, and POSTs to an address that the stream names first. Its calls are told apart by our ids;
// when the stream ends, the session ends with all its calls, and the next greeting begins another. Home shard
// only. Source: MCP 2024-11-05 basic/transports, HTTP with SSE.
#pragma once

#include <functional>
#include <memory>
#include <optional>
#include <string>

#include "base/url.h"
#include "http/client.h"
#include "http/sse.h"
#include "transport/legacy_sse_posts.h"
#include "transport/log_quota.h"
#include "transport/streamable.h"
#include "transport/transport.h"

namespace weir {

/// Where the event stream is and what a server may do there.
struct LegacySseOptions {
  StreamableOptions http;                             // `path` is the stream's; headers go with the POSTs too
  Duration endpoint_time = std::chrono::seconds(10);  // how long its first event is waited for
  std::function<void(std::string_view line)> wrote;   // what it sends that is no message, for the log
};

class LegacySse final : public Transport {
 public:
  /// hooks.lost is called when the event stream of a greeted peer has ended.
  LegacySse(Shard& shard, LegacySseOptions options, TransportHooks hooks);
  ~LegacySse() override;

  Task<Result<Reply>> call(Call& call) override;
  Task<Result<std::shared_ptr<const Peer>>> greet(const Introduction& as, TimePoint deadline,
                                                  CancelScope& cancel) override;
  void notify(const Peer& peer, std::string message) override;
  Task<void> close() override { return end_life(); }
  std::string describe() const override { return "sse " + options_.http.host + options_.http.path; }

 private:
  /// One event stream and the session that it is.
  struct Life {
    explicit Life(std::size_t message_max) : decoder(message_max, SseDecoder::Overlong::skip) {}

    CancelScope stop;
    std::optional<HttpExchange> stream;
    SseDecoder decoder;
    std::string_view unread;  // of what came last
    std::unique_ptr<LegacySsePosts> posts;
    std::shared_ptr<Conversation> talk;
    std::shared_ptr<const Peer> peer;
    bool dead = false;
    Nursery fibers;
  };
  Task<Result<void>> open_life(Life& life, TimePoint deadline, CancelScope& cancel);
  Task<Result<void>> check_head(Life& life, TimePoint deadline, CancelScope& cancel);
  Task<Result<SseDecoder::State>> next(Life& life, TimePoint deadline, CancelScope& cancel);
  Task<Result<std::shared_ptr<const Peer>>> shake_hands(Life& life, const Introduction& as,
                                                        TimePoint deadline, CancelScope& cancel);
  Task<void> read(Life& life);
  Task<void> end_life();
  Result<std::string> post_path(std::string_view endpoint) const;
  std::string head_of(std::string_view line, std::string_view accept) const;
  void take(Life& life);
  void lose(Life& life, std::string_view how);
  void note(std::string_view line);

  Shard& shard_;
  const LegacySseOptions options_;
  const TransportHooks hooks_;
  Pool pool_;
  std::unique_ptr<Life> life_;
  std::uint64_t next_id_ = 1;
  LogQuota quota_;
};

}  // namespace weir
