// When a second endpoint is asked, who wins, and what becomes of the loser; in virtual time.
#include "resilience/hedge.h"

#include <gtest/gtest.h>

#include "resilience/scripted_service.h"
#include "sim/sim_world.h"

namespace weir {
namespace {

using namespace resilience_test;
using namespace std::chrono_literals;

/// Calls of a tool through the layer, one after the other.
struct HedgePlay {
  Hedge::Options options;
  ScriptedService service;
  ScriptedChoice choice;
  bool repeatable = true;
  Duration deadline = 10s;
  int before = 0;  // calls of 10 ms that come first

  std::optional<Result<Reply>> reply;
  Duration took{};
  CallNotes notes;
  std::uint64_t won = 0, lost = 0, failed = 0, budget = 0;

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
  static Task<void> play(HedgePlay& p) {
    ServerPolicies policies(p.choice);
    Hedge hedge(std::make_unique<Door>(p.service), p.options, policies);
    const Message request =
        message(R"({"jsonrpc":"2.0","id":1,"method":"tools/call","params":{"name":"t","arguments":{}}})");
    const Rule rule(p.repeatable);
    std::deque<Act> acts;
    for (int i = 0; i < p.before; ++i) acts.push_back(Act(10ms));
    acts.swap(p.service.acts);
    for (int i = 0; i <= p.before; ++i) {
      if (i == p.before) {
        p.service.acts = acts;
        p.service.seen.clear();
        p.notes = CallNotes();
      }
      CancelScope scope;
      Call call(request, *find_method(request.method()), scope);
      const TimePoint begun = Shard::current().now();
      call.deadline = begun + p.deadline;
      call.repeats = &rule;
      call.notes = &p.notes;
      p.reply.emplace(co_await hedge.call(call));
      p.took = Shard::current().now() - begun;
    }
    p.won = policies.counts.hedges.get(HedgeOutcome::won);
    p.lost = policies.counts.hedges.get(HedgeOutcome::lost);
    p.failed = policies.counts.hedges.get(HedgeOutcome::failed);
    p.budget = policies.counts.hedges.get(HedgeOutcome::budget);
  }
};

HedgePlay hedged(std::chrono::milliseconds after) {
  HedgePlay p;
  p.options.config.enabled = true;
  p.options.config.delay.fixed = after;
  p.options.hedges = std::make_shared<Budget>(1.0, 10);
  return p;
}

TEST(Hedge, ALateAnswerIsAskedForElsewhereAndTheLoserIsGivenUp) {
  HedgePlay p = hedged(50ms);
  p.service.acts = {Act(5s), Act(10ms)};
  p.run();
  ASSERT_TRUE(p.reply && *p.reply);
  EXPECT_EQ(p.took, 60ms);
  EXPECT_EQ((*p.reply)->endpoint, 2U);
  EXPECT_TRUE((*p.reply)->first.last);
  ASSERT_EQ(p.service.seen.size(), 2U);
  EXPECT_TRUE(p.service.seen[0].cancelled);
  EXPECT_EQ(p.won, 1U);
  EXPECT_EQ(p.notes.endpoint, "two");
  ASSERT_EQ(p.notes.failed.size(), 1U);
  EXPECT_EQ(p.notes.failed[0].endpoint, "one");
}

TEST(Hedge, TheFirstMayStillWin) {
  HedgePlay p = hedged(50ms);
  p.service.acts = {Act(80ms), Act(5s)};
  p.run();
  ASSERT_TRUE(p.reply && *p.reply);
  EXPECT_EQ(p.took, 80ms);
  EXPECT_EQ((*p.reply)->endpoint, 1U);
  EXPECT_TRUE(p.service.seen[1].cancelled);
  EXPECT_EQ(p.lost, 1U);
  EXPECT_EQ(p.notes.endpoint, "one");
  ASSERT_EQ(p.notes.failed.size(), 1U);
  EXPECT_EQ(p.notes.failed[0].endpoint, "two");
}

TEST(Hedge, OneThatFailsLeavesItToTheOther) {
  HedgePlay second = hedged(50ms);
  second.service.acts = {Act(200ms), Act(10ms, refused())};
  second.run();
  ASSERT_TRUE(second.reply && *second.reply);
  EXPECT_EQ(second.took, 200ms);
  EXPECT_EQ(second.failed, 1U);
  HedgePlay first = hedged(50ms);
  first.service.acts = {Act(60ms, cut()), Act(100ms)};
  first.run();
  ASSERT_TRUE(first.reply && *first.reply);
  EXPECT_EQ(first.took, 150ms);
  EXPECT_EQ(first.won, 1U);
  HedgePlay both = hedged(50ms);
  both.service.acts = {Act(60ms, cut()), Act(100ms, refused())};
  both.run();
  ASSERT_TRUE(both.reply);
  EXPECT_FALSE(*both.reply);
  EXPECT_EQ(both.took, 150ms);
}

TEST(Hedge, OfTwoThatFailTheOneThatMayHaveRunIsTold) {
  HedgePlay p = hedged(50ms);
  p.service.acts = {Act(60ms, refused()), Act(100ms, cut())};
  p.run();
  ASSERT_TRUE(p.reply);
  ASSERT_FALSE(*p.reply);
  EXPECT_EQ(p.reply->error().sent(), Error::Sent::maybe);
}

TEST(Hedge, WhatIsInTimeIsAskedOnce) {
  HedgePlay p = hedged(50ms);
  p.service.acts = {Act(40ms)};
  p.run();
  EXPECT_EQ(p.service.seen.size(), 1U);
  EXPECT_EQ(p.won + p.lost + p.failed + p.budget, 0U);
}

TEST(Hedge, AWriteIsAskedOnce) {
  HedgePlay p = hedged(50ms);
  p.repeatable = false;
  p.service.acts = {Act(2s)};
  p.run();
  EXPECT_EQ(p.service.seen.size(), 1U);
  EXPECT_EQ(p.took, 2s);
}

TEST(Hedge, WithNobodyElseThereIsOne) {
  HedgePlay p = hedged(50ms);
  p.choice.endpoints = 1;
  p.service.acts = {Act(2s)};
  p.run();
  EXPECT_EQ(p.service.seen.size(), 1U);
  EXPECT_EQ(p.took, 2s);
}

TEST(Hedge, BothBudgetsMustHaveRoom) {
  for (const bool own : {true, false}) {
    HedgePlay p = hedged(50ms);
    (own ? p.options.hedges : p.options.retries) = std::make_shared<Budget>(0.5, 0);
    p.service.acts = {Act(200ms)};
    p.run();
    EXPECT_EQ(p.service.seen.size(), 1U) << own;
    EXPECT_EQ(p.took, 200ms) << own;
    EXPECT_EQ(p.budget, 1U) << own;
  }
}

TEST(Hedge, ThePercentileIsThatOfItsKind) {
  HedgePlay p = hedged(0ms);
  p.options.config.delay = HedgeDelay();
  p.before = 60;
  p.service.acts = {Act(5s), Act(10ms)};
  p.run();
  ASSERT_TRUE(p.reply && *p.reply);
  EXPECT_GE(p.took, 20ms);
  EXPECT_LE(p.took, 23ms);  // a bucket's width beyond 10 ms, and the second's 10 ms
}

TEST(Patience, WhatHangsCostsAFractionWithoutHedging) {
  HedgePlay p;
  p.before = 60;
  p.service.acts = {Act(9s), Act(10ms)};
  p.run();
  ASSERT_TRUE(p.reply && *p.reply);
  EXPECT_EQ(p.took, 260ms);
}

TEST(Patience, OfAnUnknownKindItIsLonger) {
  HedgePlay p;
  p.service.acts = {Act(9s), Act(10ms)};
  p.run();
  EXPECT_EQ(p.took, 1010ms);
}

TEST(Patience, WhoIsInAHurryIsLeftTimeForASecondOne) {
  HedgePlay unknown;
  unknown.deadline = 800ms;
  unknown.service.acts = {Act(20s), Act(10ms)};
  unknown.run();
  ASSERT_TRUE(unknown.reply && *unknown.reply);
  EXPECT_EQ(unknown.took, 410ms);
  HedgePlay usual;  // 10 ms are no lateness, however short the time
  usual.before = 100;
  usual.deadline = 12ms;
  usual.service.acts = {Act(9ms), Act(1ms)};
  usual.run();
  ASSERT_TRUE(usual.reply && *usual.reply);
  EXPECT_EQ(usual.service.seen.size(), 1U);
}

TEST(Patience, WhatIsSlowIsNeverCut) {
  HedgePlay p;
  p.before = 60;
  p.service.acts = {Act(3s), Act(4s)};
  p.run();
  ASSERT_TRUE(p.reply && *p.reply);
  EXPECT_EQ(p.took, 3s);
}

TEST(Patience, TheDeadlineStaysTheDeadline) {
  HedgePlay p;
  p.deadline = 1500ms;
  p.service.acts = {Act(9s), Act(9s)};
  p.run();
  ASSERT_TRUE(p.reply);
  ASSERT_FALSE(*p.reply);
  EXPECT_EQ(p.reply->error().kind(), Error::Kind::deadline_exceeded);
  EXPECT_EQ(p.took, 1500ms);
}

}  // namespace
}  // namespace weir
