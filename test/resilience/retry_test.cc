// Which calls are tried again, how often, when and where; in virtual time.
#include "resilience/retry.h"

#include <gtest/gtest.h>

#include "resilience/scripted_service.h"
#include "sim/sim_world.h"

namespace weir {
namespace {

using namespace resilience_test;
using namespace std::chrono_literals;

/// One call of a tool through the layer.
struct RetryPlay {
  RetryConfig config;
  ScriptedService service;
  ScriptedChoice choice;
  std::string text = R"({"jsonrpc":"2.0","id":1,"method":"tools/call","params":{"name":"t","arguments":{}}})";
  bool repeatable = true;
  Duration deadline = 10s;
  double share = 0.2;
  std::size_t reserve = 10;
  int calls = 1;
  Duration cancel_after{};

  std::vector<Result<Reply>> replies;
  std::vector<Duration> took;
  CallNotes notes;
  std::uint64_t ok = 0, failed = 0, budget = 0;

  void run() {
    sim::World world(1, 1);
    world.start(0, [this] { return play(*this); });
    ASSERT_TRUE(world.run());
  }

 private:
  struct Rule final : RepeatRule {
    explicit Rule(bool what) : yes(what) {}
    bool may_repeat() const override { return yes; }
    bool yes;
  };
  static Task<void> cancel(CancelScope& scope, Duration after) {
    (void)co_await Sleep(Shard::current().now() + after, nullptr);
    scope.cancel();
  }
  static Task<void> play(RetryPlay& p) {
    ServerPolicies policies(p.choice);
    Retry retry(std::make_unique<Door>(p.service), p.config, std::make_shared<Budget>(p.share, p.reserve),
                policies);
    const Message request = message(p.text);
    const Rule rule(p.repeatable);
    for (int i = 0; i < p.calls; ++i) {
      CancelScope scope;
      Nursery nursery;
      if (p.cancel_after != Duration::zero()) nursery.start(cancel(scope, p.cancel_after));
      Call call(request, *find_method(request.method()), scope);
      const TimePoint begun = Shard::current().now();
      call.deadline = begun + p.deadline;
      call.repeats = &rule;
      call.notes = &p.notes;
      p.replies.push_back(co_await retry.call(call));
      p.took.push_back(Shard::current().now() - begun);
      co_await nursery.join();
    }
    p.ok = policies.counts.retries.get(RetryOutcome::ok);
    p.failed = policies.counts.retries.get(RetryOutcome::failed);
    p.budget = policies.counts.retries.get(RetryOutcome::budget);
  }
};

TEST(Retry, WhatFailedIsTriedElsewhere) {
  RetryPlay p;
  p.service.acts = {Act(1ms, cut()), Act(1ms)};
  p.run();
  ASSERT_TRUE(p.replies[0]);
  ASSERT_EQ(p.service.seen.size(), 2U);
  EXPECT_EQ(p.service.seen[0].endpoint, 1U);
  EXPECT_EQ(p.service.seen[1].endpoint, 2U);
  EXPECT_EQ(p.ok, 1U);
  ASSERT_EQ(p.notes.failed.size(), 1U);
  EXPECT_EQ(p.notes.failed[0].endpoint, "one");
  EXPECT_EQ(p.notes.failed[0].kind, Error::Kind::outcome_unknown);
  EXPECT_EQ(p.notes.endpoint, "two");
}

TEST(Retry, AWriteIsNotRunTwice) {
  RetryPlay p;
  p.repeatable = false;
  p.service.acts = {Act(1ms, cut())};
  p.run();
  ASSERT_FALSE(p.replies[0]);
  EXPECT_EQ(p.replies[0].error().kind(), Error::Kind::outcome_unknown);
  EXPECT_EQ(p.service.seen.size(), 1U);
  EXPECT_EQ(p.ok + p.failed + p.budget, 0U);
}

TEST(Retry, AWriteThatNobodySawGoesElsewhere) {
  RetryPlay p;
  p.repeatable = false;
  p.service.acts = {Act(1ms, refused()), Act(1ms, refused()), Act(1ms)};
  p.run();
  EXPECT_TRUE(p.replies[0]);
  EXPECT_EQ(p.service.seen.size(), 3U);
}

TEST(Retry, GivesUpAfterTheLastAttempt) {
  RetryPlay p;
  p.service.acts = {Act(1ms, cut()), Act(1ms, cut()), Act(1ms, refused()), Act(1ms)};
  p.run();
  ASSERT_FALSE(p.replies[0]);
  EXPECT_EQ(p.replies[0].error().kind(), Error::Kind::outcome_unknown);
  EXPECT_EQ(p.service.seen.size(), 3U);
  EXPECT_EQ(p.failed, 1U);
}

TEST(Retry, WhatAnEarlierAttemptMayHaveDoneIsNotForgotten) {
  RetryPlay p;
  p.service.acts = {Act(1ms, cut()), Act(1ms, refused()), Act(1ms, refused())};
  p.run();
  ASSERT_FALSE(p.replies[0]);
  EXPECT_EQ(p.replies[0].error().kind(), Error::Kind::outcome_unknown);
  EXPECT_EQ(p.replies[0].error().sent(), Error::Sent::maybe);
  ASSERT_EQ(p.notes.failed.size(), 2U);
  EXPECT_EQ(p.notes.failed[1].kind, Error::Kind::unreachable);
}

TEST(Retry, WhatMeansNoFaultOfTheServerIsNotTriedAgain) {
  using Kind = Error::Kind;
  using Side = Error::Side;
  const Error errors[] = {
      Error(Kind::deadline_exceeded, Side::gateway, Error::Sent::maybe, "late"),
      Error(Kind::needs_authorization, Side::upstream, Error::Sent::maybe, "401"),
      Error(Kind::no_healthy_endpoint, Side::upstream, Error::Sent::no, "nobody"),
      Error(Kind::overloaded, Side::gateway, Error::Sent::no, "our own limit"),
      Error(Kind::shutting_down, Side::gateway, Error::Sent::no, "stopping"),
      Error(Kind::cancelled, Side::client, Error::Sent::maybe, "gone"),
      Error(Kind::not_found, Side::client, Error::Sent::no, "no such"),
      Error(Kind::too_large, Side::upstream, Error::Sent::maybe, "large"),
  };
  for (const Error& error : errors) {
    RetryPlay p;
    p.service.acts = {Act(1ms, error)};
    p.run();
    EXPECT_FALSE(p.replies[0]);
    EXPECT_EQ(p.service.seen.size(), 1U) << error.detail();
  }
}

TEST(Retry, WhatCarriesAServersStateOrBeginsATaskIsNotTriedAgain) {
  for (const char* params :
       {R"("inputResponses":{"a":{}})", R"("task":{"ttl":1})", R"("inputResponses":{},"requestState":"x")"}) {
    RetryPlay p;
    p.text =
        std::string(R"({"jsonrpc":"2.0","id":1,"method":"tools/call","params":{"name":"t",)") + params + "}}";
    p.service.acts = {Act(1ms, cut())};
    p.run();
    EXPECT_EQ(p.service.seen.size(), 1U) << params;
  }
}

TEST(Retry, PausesGrowAndStayWithinTheirBounds) {
  RetryPlay p;
  p.config.max_attempts = 10;
  p.config.jitter = RetryConfig::Jitter::equal;
  p.config.initial_delay = 20ms;
  p.config.max_delay = 100ms;
  p.reserve = 100;
  for (int i = 0; i < 9; ++i) p.service.acts.push_back(Act(Duration::zero(), cut()));
  p.run();
  ASSERT_TRUE(p.replies[0]);
  Duration whole = 20ms;
  for (std::size_t i = 1; i < p.service.seen.size(); ++i) {
    const Duration pause = p.service.seen[i].begun - p.service.seen[i - 1].begun;
    EXPECT_GE(pause, whole / 2) << i;
    EXPECT_LE(pause, whole) << i;
    whole = std::min<Duration>(2 * whole, 100ms);
  }
}

TEST(Retry, WhoAsksForTimeGetsItUnlessAnotherCanBeAsked) {
  Error busy(Error::Kind::overloaded, Error::Side::upstream, Error::Sent::maybe, "503");
  busy.set_retry_after(2s);
  RetryPlay elsewhere;
  elsewhere.service.acts = {Act(1ms, busy)};
  elsewhere.run();
  EXPECT_TRUE(elsewhere.replies[0]);
  EXPECT_LT(elsewhere.took[0], 100ms);
  RetryPlay alone;
  alone.choice.endpoints = 1;
  Error soon = busy;
  soon.set_retry_after(1s);
  alone.service.acts = {Act(1ms, soon)};
  alone.run();
  EXPECT_TRUE(alone.replies[0]);
  EXPECT_GE(alone.took[0], 1s);
  RetryPlay longer;  // for that long nobody is kept: its client is told when to come again
  longer.choice.endpoints = 1;
  longer.service.acts = {Act(1ms, busy)};
  longer.run();
  ASSERT_FALSE(longer.replies[0]);
  EXPECT_EQ(longer.replies[0].error().retry_after(), 2s);
  EXPECT_LT(longer.took[0], 100ms);
  RetryPlay late;
  late.choice.endpoints = 1;
  late.deadline = 900ms;
  late.service.acts = {Act(1ms, soon)};
  late.run();
  EXPECT_FALSE(late.replies[0]);
  EXPECT_LT(late.took[0], 100ms) << "there is no time for that: it is told at once";
}

TEST(Retry, TheBudgetHoldsWhenEverythingFails) {
  RetryPlay p;
  p.calls = 200;
  p.share = 0.2;
  p.reserve = 0;
  p.config.initial_delay = p.config.max_delay = 0ms;
  for (int i = 0; i < 1000; ++i) p.service.acts.push_back(Act(1ms, cut()));
  p.run();
  EXPECT_LE(p.service.seen.size(), 240U);
  EXPECT_GE(p.service.seen.size(), 235U);
  EXPECT_GT(p.budget, 0U);
}

TEST(Retry, ACallThatIsGivenUpDoesNotGoOn) {
  RetryPlay p;
  p.config.initial_delay = p.config.max_delay = 10s;
  p.config.jitter = RetryConfig::Jitter::equal;
  p.deadline = 60s;
  p.cancel_after = 100ms;
  p.service.acts = {Act(1ms, cut())};
  p.run();
  EXPECT_FALSE(p.replies[0]);
  EXPECT_EQ(p.service.seen.size(), 1U);
  EXPECT_EQ(p.took[0], 100ms);
}

}  // namespace
}  // namespace weir
