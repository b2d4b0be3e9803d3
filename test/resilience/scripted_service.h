// A service whose attempts go as a test says, one after the other, in virtual time; and the choice of
// endpoints behind it.
#pragma once

#include <algorithm>
#include <deque>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "call/service.h"
#include "resilience/policies.h"
#include "runtime/shard.h"
#include "runtime/waiter.h"

namespace weir::resilience_test {

/// How one attempt goes.
struct Act {
  Act(Duration how_long, std::optional<Error> how = std::nullopt) : takes(how_long), fails(std::move(how)) {}
  Duration takes;
  std::optional<Error> fails;
};

/// One attempt as it was seen.
struct Seen {
  TimePoint begun;
  std::uint32_t endpoint = 0;
  bool cancelled = false;
  bool ended = false;
};

inline Message message(const std::string& text) {
  auto made = Message::index(Bytes::copy_of(text), JsonLimits(), Message::From::client);
  WEIR_CHECK(made);
  return std::move(*made);
}

class ScriptedService final : public Service {
 public:
  std::deque<Act> acts;  // of the attempts to come; after the last all are answered at once
  std::deque<Seen> seen;
  std::uint32_t endpoints = 3;

  Task<Result<Reply>> call(Call& call) override {
    Act act = acts.empty() ? Act(Duration::zero()) : acts.front();
    if (!acts.empty()) acts.pop_front();
    std::uint32_t endpoint = 1;
    while (call.tried.has(endpoint) && endpoint < endpoints) ++endpoint;
    call.tried.add(endpoint);
    Seen& mine = seen.emplace_back();
    mine.begun = Shard::current().now();
    mine.endpoint = endpoint;
    if (call.notes != nullptr) {
      ++call.notes->attempts;
      call.notes->endpoint = label(endpoint);
    }
    const TimePoint at = mine.begun + act.takes;
    if (call.first_by < std::min(at, call.deadline)) {
      (void)co_await Sleep(call.first_by, nullptr);
      Reply late;
      late.endpoint = endpoint;
      late.peer = peer_;
      late.rest = std::make_unique<Rest>(call, mine, at, act.fails);
      co_return late;
    }
    Result<ReplyEvent> event = co_await answer(call, mine, at, act.fails);
    if (!event) co_return fail(event.error());
    Reply reply(std::move(*event));
    reply.endpoint = endpoint;
    reply.peer = peer_;
    co_return reply;
  }
  std::string describe() const override { return "scripted"; }

  static std::string_view label(std::uint32_t endpoint) {
    static constexpr std::string_view kLabels[] = {"", "one", "two", "three", "four"};
    return kLabels[endpoint];
  }

 private:
  static Task<Result<ReplyEvent>> answer(Call& call, Seen& mine, TimePoint at, std::optional<Error> fails) {
    const Wake wake = co_await Sleep(std::min(at, call.deadline), &call.cancel);
    mine.ended = true;
    mine.cancelled = wake == Wake::cancelled;
    if (mine.cancelled)
      co_return fail(Error::Kind::cancelled, Error::Side::client, Error::Sent::maybe, "cancelled");
    if (at > call.deadline)
      co_return fail(Error::Kind::deadline_exceeded, Error::Side::gateway, Error::Sent::maybe, "too late");
    if (fails) co_return fail(*fails);
    co_return ReplyEvent(message(R"({"jsonrpc":"2.0","id":1,"result":{}})"), true);
  }

  /// What comes once it was late.
  class Rest final : public ReplyStream {
   public:
    Rest(Call& of, Seen& mine, TimePoint at, std::optional<Error> fails)
        : call_(of), mine_(mine), at_(at), fails_(std::move(fails)) {}
    Task<Result<ReplyEvent>> next(TimePoint) override { return answer(call_, mine_, at_, fails_); }

   private:
    Call& call_;
    Seen& mine_;
    const TimePoint at_;
    const std::optional<Error> fails_;
  };

  std::shared_ptr<const Peer> peer_ = std::make_shared<const Peer>();
};

/// Hands calls on to a service that outlives the stack.
class Door final : public Service {
 public:
  explicit Door(Service& to) : to_(to) {}
  Task<Result<Reply>> call(Call& call) override { return to_.call(call); }
  std::string describe() const override { return to_.describe(); }

 private:
  Service& to_;
};

class ScriptedChoice final : public EndpointChoice {
 public:
  std::uint32_t endpoints = 3;
  bool has_another(const Call& call) const override {
    for (std::uint32_t i = 1; i <= endpoints; ++i)
      if (!call.tried.has(i)) return true;
    return false;
  }
  Random& chance() override { return chance_; }

 private:
  Random chance_{1};
};

inline Error cut() {
  return Error(Error::Kind::outcome_unknown, Error::Side::upstream, Error::Sent::maybe, "cut");
}
inline Error refused() {
  return Error(Error::Kind::unreachable, Error::Side::upstream, Error::Sent::no, "refused");
}

}  // namespace weir::resilience_test
