// What probes say of an endpoint and what holds for all evidence, rule by rule.
#include "health/verdict.h"

#include <gtest/gtest.h>

#include <deque>

#include "health/verdict_rig.h"

namespace weir {
namespace {

using std::chrono::milliseconds;
using std::chrono::seconds;

TEST_F(VerdictTest, BecomesKnownByAGreetingAProbeOrACall) {
  for (int how = 0; how < 3; ++how) {
    VerdictRig one(quota);
    one.wait(seconds(1));
    EXPECT_EQ(one.health(), Health::unknown);
    EXPECT_FALSE(one.reason().empty());
    EXPECT_EQ(one.verdict.since(), one.now - milliseconds(500));
    if (how == 0) one.verdict.greeted(one.now);
    if (how == 1) one.pass();
    if (how == 2) one.succeed(1);
    EXPECT_EQ(one.health(), Health::healthy) << how;
    EXPECT_EQ(one.reason(), "");
    EXPECT_EQ(one.verdict.since(), one.now);
    EXPECT_FALSE(one.verdict.suspect());
  }
}

TEST_F(VerdictTest, ProbesThatTimeOutRuleItOutAtTheThreshold) {
  known().time_out();
  EXPECT_EQ(rig->health(), Health::healthy);
  EXPECT_TRUE(rig->verdict.suspect());
  rig->time_out();
  EXPECT_EQ(rig->health(), Health::unhealthy);
  EXPECT_EQ(rig->reason(), "probe timed out");
  EXPECT_FALSE(rig->verdict.absent());
  EXPECT_FALSE(rig->on_trial());
  EXPECT_EQ(quota.out(), 1u);
  rig->wait(milliseconds(300));
  rig->pass();
  EXPECT_EQ(rig->health(), Health::unhealthy);
  rig->time_out();
  rig->pass();
  EXPECT_EQ(rig->health(), Health::unhealthy);  // not two in a row
  rig->pass();
  EXPECT_EQ(rig->health(), Health::healthy);
  EXPECT_EQ(rig->verdict.since(), rig->now);
  EXPECT_FALSE(rig->verdict.suspect());
  EXPECT_EQ(quota.out(), 0u);
}

TEST_F(VerdictTest, OneProbeThatFailsIsForgottenAfterEnoughThatPass) {
  known().time_out();
  rig->pass();
  EXPECT_TRUE(rig->verdict.suspect());
  rig->pass();
  EXPECT_FALSE(rig->verdict.suspect());
  rig->time_out();
  EXPECT_EQ(rig->health(), Health::healthy);
}

TEST_F(VerdictTest, ThresholdsAreAsConfigured) {
  HealthCheckConfig checks;
  checks.unhealthy_threshold = 4;
  checks.healthy_threshold = 3;
  VerdictRig one(quota, checks);
  one.pass();
  one.time_out(3);
  EXPECT_EQ(one.health(), Health::healthy);
  one.time_out();
  EXPECT_EQ(one.health(), Health::unhealthy);
  one.pass(2);
  EXPECT_EQ(one.health(), Health::unhealthy);
  one.pass();
  EXPECT_EQ(one.health(), Health::healthy);
}

TEST_F(VerdictTest, ARefusedConnectionIsCertainAndNeedsNoLeave) {
  quota.set(1, 0.5);
  known().refuse(2);
  EXPECT_EQ(rig->health(), Health::unhealthy);
  EXPECT_TRUE(rig->verdict.absent());
  EXPECT_EQ(rig->reason(), "connection refused");
  rig->pass();
  EXPECT_FALSE(rig->verdict.absent());
  rig->pass();
  EXPECT_EQ(rig->health(), Health::healthy);
}

TEST_F(VerdictTest, WhatComesBackHangingIsNoLongerCertain) {
  VerdictRig other(quota);
  other.refuse(2);
  known().refuse(2);
  EXPECT_EQ(quota.out(), 2u);
  rig->time_out();
  EXPECT_FALSE(rig->verdict.absent());
  EXPECT_EQ(rig->health(), Health::degraded);  // slow probes alone, and it is the last one
  EXPECT_EQ(rig->reason(), "probe timed out");
  EXPECT_EQ(quota.out(), 1u);
}

TEST_F(VerdictTest, TheLastOneIsDegradedBySlowProbesNotRuledOut) {
  VerdictRig other(quota);
  other.time_out(2);
  EXPECT_EQ(other.health(), Health::unhealthy);
  known().time_out(5);
  EXPECT_EQ(rig->health(), Health::degraded);
  EXPECT_EQ(rig->reason(), "probe timed out");
  EXPECT_TRUE(rig->verdict.suspect());
  other.pass(2);
  rig->time_out();  // no longer the last
  EXPECT_EQ(rig->health(), Health::unhealthy);
}

TEST_F(VerdictTest, WhoGetsNoCallsAnywayIsNoLoss) {
  quota.set(2, 0.5);
  VerdictRig weightless(quota);
  weightless.verdict.take_part(false);
  weightless.refuse(2);
  EXPECT_EQ(weightless.health(), Health::unhealthy);
  EXPECT_EQ(quota.out(), 0U);
  known().time_out(2);
  EXPECT_EQ(rig->health(), Health::unhealthy);
  EXPECT_EQ(quota.out(), 1U);
  weightless.verdict.take_part(true);
  weightless.refuse();
  EXPECT_EQ(quota.out(), 2U);
}

TEST_F(VerdictTest, CallsThatAreAnsweredCancelAProbesTimeout) {
  known().time_out(1);
  rig->time_out(1, true);
  EXPECT_EQ(rig->health(), Health::healthy);
  rig->time_out(9, true);
  EXPECT_EQ(rig->health(), Health::degraded);
  EXPECT_EQ(rig->reason(), "probes fail while calls succeed");
  EXPECT_EQ(quota.out(), 0u);
  rig->time_out(1, false);
  EXPECT_EQ(rig->health(), Health::degraded);
  rig->time_out(1, false);
  EXPECT_EQ(rig->health(), Health::unhealthy);
  rig->time_out(2, true);  // it answers calls that it got in panic
  EXPECT_EQ(rig->health(), Health::degraded);
}

TEST_F(VerdictTest, ProbesThatFailWithAndWithoutCallsAreRowsOfTheirOwn) {
  known();
  for (int i = 0; i < 3; ++i) {
    rig->time_out(1, false);
    rig->time_out(1, true);
    EXPECT_EQ(rig->health(), Health::healthy);
  }
}

TEST_F(VerdictTest, WhatAnswersCallsIsNotAbsent) {
  known().refuse(2);
  ASSERT_TRUE(rig->verdict.absent());
  rig->time_out(1, true);
  EXPECT_FALSE(rig->verdict.absent());
}

TEST_F(VerdictTest, DegradedPassesWithItsCauseNotBeforeTwoSeconds) {
  known().time_out(2, true);
  ASSERT_EQ(rig->health(), Health::degraded);
  const TimePoint since = rig->verdict.since();
  rig->wait(seconds(5));
  EXPECT_EQ(rig->health(), Health::degraded);
  EXPECT_EQ(rig->verdict.since(), since);
  rig->pass(2);
  EXPECT_EQ(rig->health(), Health::degraded);
  rig->wait(milliseconds(1500));
  EXPECT_EQ(rig->health(), Health::degraded);
  EXPECT_FALSE(rig->reason().empty());
  rig->wait(milliseconds(500));
  EXPECT_EQ(rig->health(), Health::healthy);
}

TEST_F(VerdictTest, WhoGoesDownAgainIsHeldForLongerEachTime) {
  known();
  for (const Duration hold : {seconds(0), seconds(2), seconds(8), seconds(15), seconds(15)}) {
    rig->refuse(2);
    ASSERT_EQ(rig->health(), Health::unhealthy);
    const TimePoint down = rig->now;
    rig->pass(2);
    while (rig->health() == Health::unhealthy && rig->now < down + seconds(60)) {
      EXPECT_EQ(rig->reason(),
                "held back: it went down repeatedly within a minute, last: connection refused");
      EXPECT_EQ(quota.out(), 1u);
      rig->wait(milliseconds(100));
      rig->pass();
    }
    EXPECT_GE(rig->now - down, hold);
    EXPECT_LE(rig->now - down, hold + milliseconds(500));
    EXPECT_EQ(quota.out(), 0u);
    EXPECT_FALSE(rig->verdict.absent());
  }
}

TEST_F(VerdictTest, TwelveChangesAMinuteAndNoMore) {
  known();
  std::deque<TimePoint> changes;
  Health before = rig->health();
  const TimePoint end = rig->now + seconds(600);
  while (rig->now < end) {
    // Half a second each way, whatever is thought of it.
    const bool there = (rig->now.time_since_epoch() / milliseconds(500)) % 2 == 0;
    if (there)
      rig->pass();
    else
      rig->refuse();
    rig->wait(milliseconds(100));
    if (rig->health() == before) continue;
    before = rig->health();
    changes.push_back(rig->now);
    while (changes.front() <= rig->now - seconds(60)) changes.pop_front();
    ASSERT_LE(changes.size(), 12u);
  }
  EXPECT_GE(changes.size(), 4u);
}

TEST_F(VerdictTest, MisdirectedWhateverElse) {
  known();
  rig->verdict.misdirected(rig->now, "it calls itself another server");
  EXPECT_EQ(rig->health(), Health::unhealthy);
  EXPECT_EQ(quota.out(), 1u);
  rig->pass(5);
  rig->succeed(5);
  rig->wait(seconds(30));
  EXPECT_EQ(rig->health(), Health::unhealthy);
  EXPECT_EQ(rig->reason(), "it calls itself another server");
  EXPECT_FALSE(rig->on_trial());
  rig->verdict.misdirected(rig->now, "");
  EXPECT_EQ(rig->health(), Health::healthy);
  EXPECT_EQ(quota.out(), 0u);
}

TEST_F(VerdictTest, ACauseWithoutWordsIsNamedByItsKind) {
  known().verdict.probe_failed(rig->now, Fault::protocol, "", false);
  rig->verdict.probe_failed(rig->now, Fault::protocol, "", false);
  EXPECT_EQ(rig->reason(), "protocol");
  VerdictRig told(quota);
  told.fail(3, Fault::wrong_id, "");
  EXPECT_EQ(told.reason(), "3 calls in a row failed: wrong_id");
}

}  // namespace
}  // namespace weir
