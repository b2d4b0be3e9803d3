// Streamable HTTP towards an upstream, either era: one POST per call over a pooled connection, the answer as
// JSON or as an event stream. Headers are made anew from the message; nothing of the client's own comes along
// but `Mcp-Param-*`. Source: MCP 2025-11-25 and 2026-07-28 basic/transports.
#pragma once

#include <string>
#include <utility>
#include <vector>

#include "http/client.h"
#include "http/pool.h"
#include "runtime/nursery.h"
#include "transport/aside_queue.h"
#include "transport/streamable_large.h"
#include "transport/transport.h"

namespace weir {

/// Where the server is and what each request to it carries.
struct StreamableOptions {
  Origin origin;
  std::string host;  // the Host header
  std::string path;  // origin form, "/mcp"
  std::vector<std::pair<std::string, std::string>> headers;
  std::size_t message_max = 16 * 1024 * 1024;
  Duration connect_time = std::chrono::seconds(5);
};

class Streamable final : public Transport {
 public:
  Streamable(Shard& shard, StreamableOptions options);
  ~Streamable() override;

  Task<Result<Reply>> call(Call& call) override;
  Task<Result<std::shared_ptr<const Peer>>> greet(const Introduction& as, TimePoint deadline,
                                                  CancelScope& cancel) override;
  Task<Result<std::optional<ServerFacts>>> check(const Peer& peer, TimePoint deadline,
                                                 CancelScope& cancel) override;
  Task<Result<std::shared_ptr<const Peer>>> open(const Introduction& as, TimePoint deadline,
                                                 CancelScope& cancel) override;
  void end(const Peer& peer) override;
  void notify(const Peer& peer, std::string message) override {
    tell(peer, std::move(message), AsideQueue::Lane::notes);
  }
  Task<void> listen(std::shared_ptr<const Peer> peer, const StrayMessage& stray, std::function<void()> begun,
                    CancelScope& cancel) override;
  Task<void> close() override;
  std::string describe() const override;

  /// Its connections, for tests and figures.
  const Pool& pool() const noexcept { return pool_; }

 private:
  friend class LargeEvent;
  friend class StreamableReply;
  friend class StreamableLate;
  class Link;
  /// A whole answer, for what is not a call.
  struct Plain {
    int status = 0;
    std::string session;
    std::string retry_after;
    Bytes body;  // the JSON, taken out of the event stream if it came as one
  };
  Task<Result<HttpExchange>> begin(std::span<const iovec> pieces, TimePoint deadline, CancelScope& cancel,
                                   TimePoint connect_by = kForever);
  Task<Result<Plain>> post(std::string head, std::string body, TimePoint deadline, CancelScope& cancel);
  static std::string fault_of(const ResponseHead& head);
  static bool is_event_stream(const Head& head) {
    const std::string_view type = head.get(Field::content_type);
    if (type == "application/json") return false;
    return equals_ignoring_case(type.substr(0, type.find(';')), "text/event-stream");
  }
  static Reply large_reply(const Call& call, const std::string& id, StreamableLarge::Place place,
                           std::unique_ptr<LargeBody> body);
  Task<Result<Reply>> read_reply(Call& call, const std::string& id, HttpExchange exchange);
  static Task<Result<bool>> begins_large(const Call& call, HttpExchange& exchange, GrowingBytes& begun);
  Task<Result<Reply>> read_json(Call& call, const std::string& id, HttpExchange& exchange, int status);
  Result<Reply> read_body(const std::string& id, int status, const std::string& retry_after, Bytes body,
                          bool in_session);
  Task<bool> answers_in_session(const Call& call);
  Task<Result<Plain>> ask_to_discover(const std::string& id, TimePoint deadline, CancelScope& cancel);
  Task<Result<Probed>> discover(TimePoint deadline, CancelScope& cancel);
  Task<void> end_task(std::string head);
  Task<bool> listen_once(const Peer& peer, const StrayMessage& stray, const std::function<void()>& begun,
                         bool& stood, std::string& last_id, Duration& retry, CancelScope& cancel);
  Task<bool> has_forgotten(const Peer& peer, CancelScope& cancel);
  Buffer write_call(const Call& call, const std::string& id, std::size_t& size) const;
  std::string bare_head(std::string_view method, const Peer& peer) const;
  void append_old_head(std::string& out, const Peer* peer, std::size_t body_size) const;
  std::string resuming_head(const Peer& peer, std::string_view last_id) const;
  void given_up(const Call& call, const std::string& id, const Error& error);
  // What nobody waits for: cancelling notes, refusals of the server's own requests, streams read to their
  // end. A few at a time; what the server takes too slowly is dropped.
  void tell(const Peer& peer, std::string message, AsideQueue::Lane lane = AsideQueue::Lane::answers);
  // Then an answer in this session would be dropped: a server that goes on asking is not listened to.
  bool tells_too_much(const Peer& peer) const { return asides_.full(&peer); }
  std::shared_ptr<ServerLink> link_to(const Peer& peer);
  Task<void> tell_all();
  void read_away(HttpExchange exchange);

  Shard& shard_;
  StreamableOptions options_;
  std::string head_start_;  // request line and the headers that never change
  Pool pool_;
  AsideQueue asides_;
  Nursery aside_;
  Nursery farewells_;  // sessions that are being ended; close() gives them a moment
  CancelScope hurry_;
  CancelScope closing_;
  std::uint64_t next_id_ = 1;
  // What links hold on to: null once this is gone.
  std::shared_ptr<Streamable*> self_ = std::make_shared<Streamable*>(this);
};

}  // namespace weir
