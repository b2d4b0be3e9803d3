// A stdio server: one child, its calls told apart by our ids, started again by the next greeting after it has
// died. Home shard only. What a child does wrong harms its own calls and nobody else.
// Source: MCP 2026-07-28 and 2025-11-25 basic/transports, stdio.
#pragma once

#include <functional>
#include <string>

#include "runtime/nursery.h"
#include "runtime/shard.h"
#include "transport/child_process.h"
#include "transport/conversation.h"
#include "transport/log_quota.h"
#include "transport/transport.h"

namespace weir {

/// What a server behind pipes is started and bounded with.
struct StdioOptions {
  std::string name;  // the server's, for logs
  ChildSpec child;
  std::size_t message_max = 16 * 1024 * 1024;
  Duration probe_time = std::chrono::seconds(3);     // how long `server/discover` alone is waited for
  Duration start_time = std::chrono::seconds(8);     // how long after that it may answer nothing at all
  Duration settle_time = std::chrono::seconds(1);    // for `server/discover` once a ping was answered
  std::function<void(std::string_view line)> wrote;  // what it writes to stderr, line by line
};

class Stdio final : public Transport {
 public:
  /// hooks.lost is called when the child of a greeted peer has died.
  Stdio(Shard& shard, StdioOptions options, TransportHooks hooks);
  ~Stdio() override;

  Task<Result<Reply>> call(Call& call) override;
  Task<Result<std::shared_ptr<const Peer>>> greet(const Introduction& as, TimePoint deadline,
                                                  CancelScope& cancel) override;
  void notify(const Peer& peer, std::string message) override;
  Task<void> close() override;
  std::string describe() const override { return "stdio " + options_.child.command; }

 private:
  using Pending = Conversation::Pending;
  /// One life of the child.
  struct Life final : Conversation::Wire {
    bool put(std::string_view message, std::string_view about) override;
    std::uint64_t batch() const noexcept override { return batch_now; }

    std::unique_ptr<ChildProcess> child;
    std::shared_ptr<Conversation> talk;
    std::string outbox;
    std::uint64_t batch_now = 0;  // of the write under way; those that come now belong to the next
    Waiter outbox_filled;
    CancelScope stop;
    Nursery fibers;
    bool dead = false;
    bool over = false;  // whoever waits was told
    std::shared_ptr<const Peer> peer;
  };

  Task<Result<std::shared_ptr<const Peer>>> shake_hands(const Introduction& as, TimePoint deadline,
                                                        CancelScope& cancel);
  Task<Result<Message>> wait_response(Pending& pending, TimePoint deadline, CancelScope& cancel);
  Task<Wake> wait_any(std::span<Pending* const> all, TimePoint deadline, CancelScope& cancel);
  void take(Life& life, Bytes line);
  void note(std::string_view line);
  Task<void> read(Life& life);
  Task<void> write(Life& life);
  Task<void> hear(Life& life);
  Task<void> watch(Life& life);
  Task<void> fallen_silent(Life& life, std::string_view how);
  void give_up(Life& life, std::string_view how);
  Task<void> end_life();

  Shard& shard_;
  StdioOptions options_;
  TransportHooks hooks_;
  std::unique_ptr<Life> life_;
  bool legacy_ = false;  // it has said so; asked no more
  std::uint64_t next_id_ = 1;
  LogQuota quota_;
};

}  // namespace weir
