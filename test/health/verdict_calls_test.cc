// What calls say of an endpoint, rule by rule.
#include <gtest/gtest.h>

#include "health/verdict.h"
#include "health/verdict_rig.h"

namespace weir {
namespace {

using std::chrono::milliseconds;
using std::chrono::seconds;

struct VerdictCalls : VerdictTest {};

TEST_F(VerdictCalls, ThreeFailuresInARowEject) {
  for (const Fault fault : {Fault::timeout, Fault::reset, Fault::protocol, Fault::wrong_id}) {
    VerdictRig one(quota);
    one.pass();
    one.fail(2, fault, "bad");
    EXPECT_EQ(one.health(), Health::healthy);
    EXPECT_TRUE(one.verdict.suspect());
    one.succeed(1);
    EXPECT_FALSE(one.verdict.suspect());
    one.fail(2, fault, "bad");
    EXPECT_EQ(one.health(), Health::healthy);
    one.fail(1, fault, "bad");
    EXPECT_EQ(one.health(), Health::unhealthy);
    EXPECT_EQ(one.reason(), "3 calls in a row failed: bad");
    EXPECT_FALSE(one.verdict.absent());
    EXPECT_EQ(quota.out(), 1u);
  }
  EXPECT_EQ(quota.out(), 0u);  // destroyed ones give back
}

TEST_F(VerdictCalls, FiveServerErrorsInARowEject) {
  known().fail(4, Fault::server_error, "HTTP 503");
  EXPECT_EQ(rig->health(), Health::healthy);
  rig->fail(1, Fault::server_error, "HTTP 503");
  EXPECT_EQ(rig->health(), Health::unhealthy);
  EXPECT_EQ(rig->reason(), "5 calls in a row failed: HTTP 503");
}

TEST_F(VerdictCalls, TheRateEjectsFromEnoughCallsOn) {
  known();
  for (int i = 0; i < 9; ++i) {
    rig->fail(1);
    rig->succeed(1);
  }
  rig->fail(1);
  EXPECT_EQ(rig->health(), Health::healthy);  // 10 of 19
  rig->succeed(1);
  EXPECT_EQ(rig->health(), Health::unhealthy);
  EXPECT_EQ(rig->reason(), "10 of 20 calls failed");
}

TEST_F(VerdictCalls, TheRateDegradesFromATenthOn) {
  known().succeed(18);
  rig->fail(1);
  rig->succeed(1);
  EXPECT_EQ(rig->health(), Health::healthy);  // 1 of 20
  rig->fail(1);
  rig->succeed(1);
  EXPECT_EQ(rig->health(), Health::healthy);  // 2 of 22
  rig->fail(1);
  EXPECT_EQ(rig->health(), Health::degraded);
  EXPECT_EQ(rig->reason(), "3 of 23 calls failed");
  rig->wait(seconds(12));
  EXPECT_EQ(rig->health(), Health::healthy);
}

TEST_F(VerdictCalls, TheRateOfBeforeAnOutageIsForgotten) {
  known().succeed(18);
  rig->fail(2, Fault::server_error);
  rig->succeed(1);
  rig->fail(1, Fault::server_error);
  ASSERT_EQ(rig->health(), Health::degraded);
  rig->verdict.misdirected(rig->now, "another server");
  rig->wait(milliseconds(500));
  rig->verdict.misdirected(rig->now, "");
  EXPECT_EQ(rig->health(), Health::healthy);
}

TEST_F(VerdictCalls, LimitsOfCallsAreAsConfigured) {
  OutlierDetectionConfig outliers;
  outliers.consecutive_failures = 2;
  outliers.consecutive_5xx = 3;
  outliers.error_rate = 0.9;
  outliers.min_requests = 4;
  {
    VerdictRig one(quota, {}, outliers);
    one.fail(2);
    EXPECT_EQ(one.health(), Health::unhealthy);
  }
  {
    VerdictRig one(quota, {}, outliers);
    one.fail(3, Fault::server_error);
    EXPECT_EQ(one.health(), Health::unhealthy);
  }
  outliers.error_rate = 0.5;
  {
    VerdictRig one(quota, {}, outliers);
    one.fail(1);
    one.succeed(2);
    one.fail(1);
    EXPECT_EQ(one.reason(), "2 of 4 calls failed");
    EXPECT_EQ(one.health(), Health::unhealthy);
  }
  outliers.error_rate = 0;  // not looked at
  {
    VerdictRig one(quota, {}, outliers);
    one.fail(1);
    one.succeed(2);
    one.fail(1);
    EXPECT_EQ(one.health(), Health::degraded);
  }
  outliers.enabled = false;
  VerdictRig one(quota, {}, outliers);
  one.pass();
  one.fail(50);
  EXPECT_EQ(one.health(), Health::healthy);
  EXPECT_FALSE(one.verdict.suspect());
}

TEST_F(VerdictCalls, WhereTheQuotaRefusesItIsDegraded) {
  VerdictRig other(quota);
  other.fail(3);
  ASSERT_EQ(other.health(), Health::unhealthy);
  known().fail(3);
  EXPECT_EQ(rig->health(), Health::degraded);
  EXPECT_EQ(rig->reason(), "3 calls in a row failed: connection reset");
  EXPECT_FALSE(rig->on_trial());
  other.wait(milliseconds(500));
  other.try_out(true, 2);
  rig->fail(1);
  EXPECT_EQ(rig->health(), Health::unhealthy);
}

TEST_F(VerdictCalls, TheOnlyOneIsDegradedByCallsUntilTheySucceed) {
  quota.set(1, 1.0);
  known().fail(4, Fault::timeout, "timed out");
  EXPECT_EQ(rig->health(), Health::degraded);
  EXPECT_EQ(rig->reason(), "4 calls in a row failed: timed out");
  rig->succeed(1);
  rig->wait(seconds(2));
  EXPECT_EQ(rig->health(), Health::healthy);
}

TEST_F(VerdictCalls, CallsThatCannotConnectMakeItAbsent) {
  known().fail(2, Fault::connect, "connection refused");
  EXPECT_FALSE(rig->verdict.absent());
  rig->fail(1, Fault::connect, "connection refused");
  EXPECT_EQ(rig->health(), Health::unhealthy);
  EXPECT_TRUE(rig->verdict.absent());
  EXPECT_EQ(rig->reason(), "connection refused");
  EXPECT_FALSE(rig->on_trial());
  rig->pass();
  EXPECT_FALSE(rig->verdict.absent());
  EXPECT_EQ(rig->health(), Health::unhealthy);
  EXPECT_TRUE(rig->on_trial());
  rig->wait(seconds(1));  // the old row is no news
  EXPECT_FALSE(rig->verdict.absent());
  rig->try_out(true, 2);
  EXPECT_EQ(rig->health(), Health::healthy);
}

TEST_F(VerdictCalls, WhatFailsCallsAndThenRefusesThemIsAbsent) {
  ejected();
  EXPECT_FALSE(rig->verdict.absent());
  rig->fail(1, Fault::connect, "connection refused");
  EXPECT_TRUE(rig->verdict.absent());
  EXPECT_EQ(rig->reason(), "connection refused");
  EXPECT_EQ(quota.out(), 1u);
}

TEST_F(VerdictCalls, CallsThatCannotConnectNeedNoLeave) {
  quota.set(1, 0.5);
  known().fail(3, Fault::connect, "connection refused");
  EXPECT_EQ(rig->health(), Health::unhealthy);
  EXPECT_TRUE(rig->verdict.absent());
  rig->pass();  // something is there, and it is the only one
  EXPECT_EQ(rig->health(), Health::degraded);
}

TEST_F(VerdictCalls, WhatIsOutForAnotherCauseLeavesTheQuotaOfCallsToOthers) {
  quota.set(4, 0.25);
  ejected().verdict.misdirected(rig->now, "another server");
  EXPECT_FALSE(quota.eject());
  rig->try_out(true, 2);  // those that were under way
  EXPECT_EQ(rig->health(), Health::unhealthy);
  EXPECT_EQ(quota.out(), 1u);
  EXPECT_TRUE(quota.eject());
  quota.restore();
}

}  // namespace
}  // namespace weir
