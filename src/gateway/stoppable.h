// What a caller reads of a reply whose endpoint may be stopped meanwhile, and judged by how the rest of it
// ends.
#pragma once

#include <functional>
#include <memory>

#include "gateway/endpoint.h"
#include "runtime/shard.h"
#include "runtime/waiter.h"

namespace weir {

/// That the server is stopped: nothing was sent.
Error stopped_error();
/// What a call says that ended with its server and not by its client.
Error stopped(const CancelScope& stop, Error error);

/// A stream that ends with its endpoint's seat.
class StoppableReply final : public ReplyStream {
 public:
  StoppableReply(Endpoint& owner, std::unique_ptr<ReplyStream> rest, CancelScope& stop, Call& call,
                 std::function<void()> asked, Picked picked, TimePoint begun)
      : owner_(owner),
        stop_(stop),
        link_(stop, call.cancel),
        call_(call),
        asked_(std::move(asked)),
        picked_(std::move(picked)),
        begun_(begun),
        rest_(std::move(rest)) {}
  Task<Result<ReplyEvent>> next(TimePoint until) override {
    const TimePoint begun = Shard::current().now();
    Result<ReplyEvent> event = co_await rest_->next(until);
    // One that is given up has had its time counted where it is waited for.
    if (call_.notes != nullptr && !call_.outrun) call_.notes->upstream_time += Shard::current().now() - begun;
    if (event && event->asker && asked_) asked_();
    if (event && event->last) call_.permit->answered();
    if (!event && call_.outrun)
      owner_.outrun(picked_, begun_);
    else if (!event || event->last)
      owner_.reply_ended(event ? nullptr : &event.error(), picked_.permit);
    else if (event->message)
      owner_.heard();
    if (!event) co_return fail(stopped(stop_, event.error()));
    co_return event;
  }
  void pause() override {
    asking_ = owner_.client_asked();
    call_.permit->pause();
    rest_->pause();
  }
  void resume() override {
    asking_ = Counted();
    owner_.heard();  // what it owes it owes from now on
    call_.permit->resume();
    rest_->resume();
  }

 private:
  Endpoint& owner_;
  CancelScope& stop_;
  ScopeLink link_;
  Call& call_;
  std::function<void()> asked_;  // the server asks its client for something
  Counted asking_;
  Picked picked_;
  const TimePoint begun_;  // the attempt
  std::unique_ptr<ReplyStream> rest_;
};

/// The same for a large result.
class StoppableLarge final : public LargeResult {
 public:
  StoppableLarge(Endpoint& owner, std::unique_ptr<LargeResult> large, CancelScope& stop, Call& call,
                 Breaker::Permit trial)
      : owner_(owner),
        stop_(stop),
        link_(stop, call.cancel),
        permit_(*call.permit),
        trial_(std::move(trial)),
        large_(std::move(large)) {}
  std::optional<std::uint64_t> length() const noexcept override { return large_->length(); }
  Task<Result<std::span<const std::string_view>>> next() override {
    Result<std::span<const std::string_view>> pieces = co_await large_->next();
    if (pieces && pieces->empty()) permit_.answered();
    if (!pieces || pieces->empty())
      owner_.reply_ended(pieces ? nullptr : &pieces.error(), trial_);
    else
      owner_.heard();
    if (!pieces) co_return fail(stopped(stop_, pieces.error()));
    co_return pieces;
  }
  bool tool_error() const noexcept override { return large_->tool_error(); }

 private:
  Endpoint& owner_;
  CancelScope& stop_;
  ScopeLink link_;
  Permit& permit_;
  Breaker::Permit trial_;
  std::unique_ptr<LargeResult> large_;
};

}  // namespace weir
