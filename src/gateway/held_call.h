// A call that owns all it needs and runs beside whoever reads it, so that it may go on after the request that
// began it has been answered, and so that what its server asks outside of the call's own stream comes in
// between. Its deadline stands still while its client is asked; when it is left, the upstream's call ends.
// One shard.
#pragma once

#include <deque>
#include <memory>
#include <optional>
#include <string>

#include "call/call.h"
#include "runtime/waiter.h"

namespace weir {

class Upstream;

class HeldCall final : public QuestionBox, private RepeatRule {
 public:
  /// Copies whatever `from` only looks at. `upstream` lives as long, whatever is configured meanwhile;
  /// `peer`: as it is known at present.
  HeldCall(const Call& from, std::shared_ptr<Upstream> upstream, std::shared_ptr<const Peer> peer);

  /// Makes the call; it ends soon after end().
  void start();
  /// The next event, or one without a message when none came until `until`. One reader at a time; after the
  /// last event, or an Error, it is not called again.
  Task<Result<ReplyEvent>> next(TimePoint until);
  /// While the client is asked for something.
  void pause();
  void resume();
  /// Nobody reads any more: what the server has asked and nobody read is refused.
  void end();
  void put(Message request, std::shared_ptr<ServerLink> asker) override;

  /// What is asked, and the scope that ends it.
  const Call& call() const noexcept { return call_; }
  CancelScope& scope() noexcept { return scope_; }
  Upstream& upstream() const noexcept { return *upstream_; }
  /// Under which the call was made; while that is not settled, as the server was known before.
  const std::shared_ptr<const Peer>& peer() const noexcept { return peer_; }
  const CallNotes& notes() const noexcept { return notes_; }

 private:
  bool may_repeat() const override { return repeatable_; }
  static Task<void> run(std::shared_ptr<HeldCall> self);
  Task<void> read();
  void push(ReplyEvent event);

  struct Texts {
    std::string target, name, identity, client_info, capabilities, log_level, session, param_headers, parent,
        state, request_state;
  };
  Texts texts_;
  const std::shared_ptr<Upstream> upstream_;
  const bool repeatable_;  // as long as nothing has come of it
  Message message_;
  CancelScope scope_;
  CallNotes notes_;
  Call call_;
  ReplyClock clock_;
  std::shared_ptr<const Peer> peer_;
  ReplyStream* rest_ = nullptr;  // while it is read
  bool paused_ = false;

  // Between the one that reads the server and the one that reads this. The first goes on only while the
  // second waits: what the server says meanwhile stays where it is.
  std::deque<ReplyEvent> events_;
  std::optional<Error> failed_;
  bool over_ = false;  // the last event has come, or it failed, or nobody reads
  TimePoint wanted_until_{};
  bool wanted_ = false;
  Waiter want_;
  Waiter came_;
};

}  // namespace weir
