// What the circuit breaker makes of the verdict: when it trips, whose leave it needs, and how it comes back.
#include <gtest/gtest.h>

#include "health/verdict.h"
#include "health/verdict_rig.h"

namespace weir {
namespace {

using std::chrono::milliseconds;
using std::chrono::seconds;
using Gate = Verdict::Gate;

struct VerdictBreaker : testing::Test {
  // One of so many endpoints, known to be well.
  VerdictRig& one(std::size_t endpoints, const CircuitBreakerConfig& breaker = {},
                  const OutlierDetectionConfig& outliers = {}) {
    quota.set(endpoints, 0.5);
    rig.emplace(quota, HealthCheckConfig(), outliers, breaker);
    rig->pass(2);
    return *rig;
  }
  Gate gate() const { return rig->verdict.gate(); }
  EjectionQuota quota;
  std::optional<VerdictRig> rig;
};

TEST_F(VerdictBreaker, FailuresInARowOfAnyClassTripALoneOne) {
  one(1).fail(2);
  rig->fail(2, Fault::server_error, "HTTP 503");
  EXPECT_NE(rig->health(), Health::unhealthy);
  EXPECT_EQ(gate(), Gate::closed);
  rig->fail(1);
  EXPECT_EQ(rig->health(), Health::unhealthy);
  EXPECT_EQ(gate(), Gate::open);
  EXPECT_EQ(rig->reason(), "5 calls in a row failed: connection reset");
  EXPECT_EQ(rig->until_trial(), milliseconds(500));
  EXPECT_EQ(quota.out(), 1u);
}

TEST_F(VerdictBreaker, TheThresholdIsAsConfigured) {
  CircuitBreakerConfig breaker;
  breaker.failure_threshold = 2;
  one(1, breaker).fail(1);
  EXPECT_EQ(gate(), Gate::closed);
  rig->fail(1);
  EXPECT_EQ(gate(), Gate::open);
}

TEST_F(VerdictBreaker, TheRateOfTheWindowTripsIt) {
  CircuitBreakerConfig breaker;
  breaker.error_rate_threshold = 0.3;
  one(1, breaker);
  for (int i = 0; i < 6; ++i) {
    rig->succeed(2);
    rig->fail(1);
  }
  EXPECT_EQ(gate(), Gate::closed);  // 18 calls are too few
  rig->succeed(1);
  rig->fail(1);
  EXPECT_EQ(gate(), Gate::open);
  EXPECT_EQ(rig->reason(), "7 of 20 calls failed");
}

TEST_F(VerdictBreaker, ARateOfZeroIsNotLookedAt) {
  CircuitBreakerConfig breaker;
  breaker.error_rate_threshold = 0;
  one(1, breaker);
  for (int i = 0; i < 40; ++i) {
    rig->fail(2);
    rig->succeed(1);
  }
  EXPECT_EQ(gate(), Gate::closed);
}

TEST_F(VerdictBreaker, ItWorksWithoutOutlierDetection) {
  OutlierDetectionConfig outliers;
  outliers.enabled = false;
  one(2, {}, outliers).fail(4);
  EXPECT_EQ(rig->health(), Health::healthy);
  rig->fail(1);
  EXPECT_EQ(gate(), Gate::open);
}

TEST_F(VerdictBreaker, WithoutOutlierDetectionARateIsTheBreakersAlone) {
  OutlierDetectionConfig outliers;
  outliers.enabled = false;
  one(2, {}, outliers);
  for (int i = 0; i < 10; ++i) {
    rig->succeed(2);
    rig->fail(1);
  }
  EXPECT_EQ(rig->health(), Health::healthy);  // else a third would degrade it
}

TEST_F(VerdictBreaker, NeedsNoLeaveOfTheQuota) {
  quota.set(2, 0.5);
  ASSERT_TRUE(quota.eject());
  rig.emplace(quota, HealthCheckConfig(), OutlierDetectionConfig(), CircuitBreakerConfig());
  rig->pass(2);
  rig->fail(4);
  EXPECT_EQ(rig->health(), Health::degraded);
  rig->fail(1);
  EXPECT_EQ(gate(), Gate::open);
  EXPECT_EQ(quota.out(), 2u);
  rig->verdict.proved(rig->now);
  EXPECT_EQ(quota.out(), 1u);
}

TEST_F(VerdictBreaker, WhatCallsHaveProvedIsClosed) {
  one(1).fail(5);
  rig->wait(rig->until_trial());
  rig->try_out(true, 2);
  EXPECT_EQ(gate(), Gate::open);
  rig->try_out(true);
  EXPECT_EQ(gate(), Gate::closed);
  EXPECT_EQ(rig->health(), Health::healthy);
}

TEST_F(VerdictBreaker, PausesGrowButNoLongerThanItsTimeout) {
  CircuitBreakerConfig breaker;
  breaker.timeout = milliseconds(800);
  one(1, breaker).fail(5);
  EXPECT_EQ(rig->until_trial(), milliseconds(500));
  for (int i = 0; i < 3; ++i) {
    rig->wait(rig->until_trial());
    rig->try_out(false);
    EXPECT_EQ(rig->until_trial(), milliseconds(800));
  }
}

TEST_F(VerdictBreaker, WhatProbesBringBackHasYetToBeProvedByCalls) {
  one(2).refuse(2);
  EXPECT_EQ(gate(), Gate::open);
  EXPECT_FALSE(rig->on_trial());
  rig->pass(2);
  EXPECT_EQ(rig->health(), Health::healthy);
  EXPECT_EQ(gate(), Gate::half_open);
  rig->succeed(100);  // calls without a permit
  EXPECT_EQ(gate(), Gate::half_open);
  rig->try_out(true, 3);
  EXPECT_EQ(gate(), Gate::closed);
}

TEST_F(VerdictBreaker, OneBadCallOpensWhatProbesBroughtBack) {
  one(1).refuse(2);
  rig->pass(2);
  rig->try_out(true, 2);
  rig->try_out(false);
  EXPECT_EQ(gate(), Gate::open);
  EXPECT_EQ(rig->health(), Health::unhealthy);
  EXPECT_EQ(rig->reason(), "a call failed: connection reset");
  EXPECT_EQ(rig->until_trial(), milliseconds(500));  // it counted once
}

TEST_F(VerdictBreaker, WithoutCallsProbesHaveToDoInTheEnd) {
  one(1).refuse(2);
  rig->pass(2);
  rig->wait(milliseconds(29500));
  EXPECT_EQ(gate(), Gate::half_open);
  rig->wait(milliseconds(500));
  EXPECT_EQ(gate(), Gate::closed);
}

TEST_F(VerdictBreaker, HeldBackByDampingItMayBeTried) {
  one(1);
  for (int i = 0; i < 2; ++i) {
    rig->refuse(2);
    rig->pass(2);
  }
  EXPECT_EQ(rig->health(), Health::unhealthy);
  EXPECT_EQ(gate(), Gate::open);
  EXPECT_EQ(rig->until_trial(), milliseconds(500));
  rig->wait(milliseconds(500));
  rig->try_out(true, 3);
  EXPECT_EQ(gate(), Gate::open);
  EXPECT_LE(rig->until_trial(), milliseconds(0));
  rig->wait(milliseconds(1500));
  EXPECT_EQ(rig->health(), Health::healthy);
  EXPECT_EQ(gate(), Gate::closed);  // calls have proved it meanwhile
}

TEST_F(VerdictBreaker, SilenceOfCallsTakesOutTheLastOneToo) {
  one(1).time_out(5);
  EXPECT_EQ(rig->health(), Health::degraded);
  rig->time_out(2, false, true);
  EXPECT_EQ(rig->health(), Health::unhealthy);
  EXPECT_TRUE(rig->verdict.silent());
  rig->time_out(3);  // nobody is sent there any more
  EXPECT_TRUE(rig->verdict.silent());
  EXPECT_EQ(gate(), Gate::open);
  rig->pass(2);
  EXPECT_FALSE(rig->verdict.silent());
  EXPECT_EQ(gate(), Gate::half_open);
  EXPECT_EQ(quota.out(), 0u);
}

TEST_F(VerdictBreaker, AnotherProcessIsHalfOpenAtOnce) {
  one(1).fail(5);
  ASSERT_EQ(gate(), Gate::open);
  rig->verdict.greeted(rig->now);
  EXPECT_EQ(gate(), Gate::open);
  rig->verdict.greeted(rig->now, true);
  rig->clear_if_back();
  EXPECT_EQ(gate(), Gate::half_open);
  EXPECT_EQ(rig->health(), Health::healthy);
}

TEST_F(VerdictBreaker, WhoSaysWhoItIsAfterAnOutageIsHalfOpenAtOnce) {
  one(1).refuse(2);
  rig->verdict.greeted(rig->now);
  EXPECT_EQ(gate(), Gate::half_open);
  EXPECT_EQ(rig->health(), Health::healthy);
}

TEST_F(VerdictBreaker, CallsThatMetWithNobodyAreOverWhenItIsThere) {
  one(2).fail(3, Fault::connect, "connection refused");
  EXPECT_TRUE(rig->verdict.absent());
  EXPECT_FALSE(rig->verdict.failing());
  rig->now += milliseconds(1);
  rig->pass();
  EXPECT_FALSE(rig->verdict.failing());
  EXPECT_EQ(gate(), Gate::open);
  rig->pass();
  EXPECT_EQ(gate(), Gate::half_open);
  rig->fail(5);
  EXPECT_TRUE(rig->verdict.failing());
  // One alone was out for no more than that nothing was there.
  VerdictRig& lone = one(1);
  lone.fail(3, Fault::connect, "connection refused");
  EXPECT_EQ(gate(), Gate::open);
  lone.now += milliseconds(1);
  lone.pass();
  EXPECT_EQ(gate(), Gate::half_open);
  lone.pass();
  EXPECT_EQ(gate(), Gate::half_open);
}

TEST_F(VerdictBreaker, AnOperatorClosesIt) {
  one(2).fail(5);
  rig->time_out(3);
  rig->window.clear();
  rig->verdict.reset(rig->now);
  EXPECT_EQ(rig->health(), Health::healthy);
  EXPECT_EQ(gate(), Gate::closed);
  EXPECT_EQ(rig->reason(), "");
  EXPECT_EQ(quota.out(), 0u);
}

}  // namespace
}  // namespace weir
