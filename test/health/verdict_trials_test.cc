// How an endpoint that failed calls comes back, rule by rule.
#include <gtest/gtest.h>

#include <vector>

#include "health/verdict.h"
#include "health/verdict_rig.h"

namespace weir {
namespace {

using std::chrono::milliseconds;
using std::chrono::seconds;

struct VerdictTrials : VerdictTest {};

TEST_F(VerdictTrials, PassingProbesDoNotBringBackWhatFailsCalls) {
  ejected();
  for (int i = 0; i < 40; ++i) {
    rig->wait(milliseconds(100));
    rig->pass();
    if (i % 9 == 0) rig->time_out();  // one alone is no outage
    EXPECT_EQ(rig->health(), Health::unhealthy);
  }
}

TEST_F(VerdictTrials, WhatWasDownAndIsUpAgainReturnsAtOnce) {
  ejected().time_out(2);
  EXPECT_EQ(rig->reason(), "probe timed out");
  rig->pass();
  EXPECT_EQ(rig->health(), Health::unhealthy);
  rig->pass();
  EXPECT_EQ(rig->health(), Health::healthy);
  EXPECT_EQ(quota.out(), 0u);
  EXPECT_FALSE(rig->on_trial());
}

TEST_F(VerdictTrials, WhatLedToAnEjectionIsNoCauseForTheNext) {
  known();
  for (int i = 0; i < 3; ++i) rig->window.failed(Fault::reset, rig->now);
  const Window::Reading old = rig->window.read(rig->now);
  rig->verdict.calls_failed(rig->now, old, "connection reset");
  ASSERT_EQ(rig->health(), Health::unhealthy);
  rig->now += milliseconds(1);
  rig->time_out(2);
  rig->verdict.probe_passed(rig->now);
  rig->verdict.probe_passed(rig->now);
  rig->verdict.tick(rig->now + seconds(1), old);  // whoever owns the window has not cleared it
  EXPECT_EQ(rig->health(), Health::healthy);
}

TEST_F(VerdictTrials, TrialsComeAfterDoublingPauses) {
  ejected();
  EXPECT_EQ(rig->until_trial(), milliseconds(500));
  for (const int pause : {1000, 2000, 2000}) {
    rig->wait(rig->until_trial());
    rig->try_out(false);
    EXPECT_EQ(rig->until_trial(), milliseconds(pause));
  }
  rig->wait(rig->until_trial());
  rig->verdict.trial_ended(rig->now, std::nullopt);
  EXPECT_EQ(rig->until_trial(), milliseconds(0));
  rig->try_out(true);
  EXPECT_EQ(rig->health(), Health::unhealthy);
  EXPECT_EQ(rig->until_trial(), milliseconds(0));
  rig->try_out(false);
  EXPECT_EQ(rig->until_trial(), milliseconds(2000));
  rig->wait(rig->until_trial());
  rig->try_out(true);
  EXPECT_EQ(rig->health(), Health::unhealthy);  // two in a row are needed
  rig->try_out(true);
  EXPECT_EQ(rig->health(), Health::healthy);
  EXPECT_FALSE(rig->on_trial());
}

TEST_F(VerdictTrials, PausesAreJitteredByAQuarter) {
  chance = 0;
  ejected();
  EXPECT_EQ(rig->until_trial(), milliseconds(375));
  chance = 0.75;
  rig->wait(rig->until_trial());
  rig->try_out(false);
  EXPECT_EQ(rig->until_trial(), milliseconds(1125));
}

TEST_F(VerdictTrials, RepeatedEjectionsBeginWithLongerPausesAndFade) {
  known();
  std::vector<Duration> pauses;
  const auto again = [&] {
    rig->fail(3);
    pauses.push_back(rig->until_trial());
    rig->try_out(true, 2);
    while (rig->reason().starts_with("held back")) rig->wait(milliseconds(500));
    ASSERT_EQ(rig->health(), Health::healthy);
  };
  again();
  again();
  rig->wait(milliseconds(9500));
  again();
  rig->wait(seconds(10));  // one step
  again();
  rig->wait(seconds(60));
  again();
  EXPECT_EQ(pauses, (std::vector<Duration>{milliseconds(500), seconds(1), seconds(2), seconds(2),
                                           milliseconds(500)}));
}

TEST_F(VerdictTrials, EjectionsDoNotFadeWhileItIsOut) {
  ejected().wait(seconds(25));
  rig->try_out(true, 2);
  rig->fail(3);
  EXPECT_EQ(rig->until_trial(), seconds(1));
}

TEST_F(VerdictTrials, ThePauseOfAnEjectionIsCapped) {
  OutlierDetectionConfig outliers;
  outliers.base_ejection_time = seconds(4);
  outliers.max_ejection_time = seconds(6);
  VerdictRig one(quota, {}, outliers);
  one.fail(3);
  EXPECT_EQ(one.until_trial(), seconds(4));
  one.try_out(true, 2);
  one.fail(3);
  EXPECT_EQ(one.until_trial(), seconds(6));
  one.wait(one.until_trial());
  one.try_out(false);
  EXPECT_EQ(one.until_trial(), seconds(4));  // not shorter than what is configured
}

TEST_F(VerdictTrials, WithoutCallsItReturnsOnProbation) {
  for (const bool good : {true, false}) {
    VerdictRig one(quota);
    one.pass(2);
    one.fail(3);
    one.wait(milliseconds(100));
    one.pass();
    one.wait(milliseconds(9400));
    EXPECT_EQ(one.health(), Health::unhealthy);
    one.wait(milliseconds(500));
    EXPECT_EQ(one.health(), Health::healthy);
    if (good) one.succeed(1);
    one.now += milliseconds(1);
    one.fail(1);
    EXPECT_EQ(one.health(), good ? Health::healthy : Health::unhealthy);
    if (!good) {
      EXPECT_EQ(one.reason(), "a call failed: connection reset");
    }
  }
}

TEST_F(VerdictTrials, AnOutageThatIsOverEndsProbation) {
  ejected().wait(milliseconds(100));
  rig->pass();
  rig->wait(seconds(10));
  ASSERT_EQ(rig->health(), Health::healthy);
  rig->time_out(2);
  rig->pass(2);
  rig->wait(seconds(2));  // held back, having gone down twice
  rig->fail(1);
  EXPECT_EQ(rig->health(), Health::healthy);
}

TEST_F(VerdictTrials, GoodTrialsLeaveNoDoubt) {
  ejected().try_out(true, 2);
  EXPECT_EQ(rig->health(), Health::healthy);
  EXPECT_FALSE(rig->verdict.suspect());
}

TEST_F(VerdictTrials, CallsGetTheirChanceBeforeProbation) {
  OutlierDetectionConfig outliers;
  outliers.base_ejection_time = outliers.max_ejection_time = seconds(10);
  VerdictRig one(quota, {}, outliers);
  one.fail(3);
  one.wait(seconds(5));
  one.pass();
  one.wait(milliseconds(14500));
  EXPECT_EQ(one.health(), Health::unhealthy);
  one.wait(milliseconds(500));
  EXPECT_EQ(one.health(), Health::healthy);
}

TEST_F(VerdictTrials, NoProbationWhereProbesDoNotPassOrTrialsCome) {
  ejected();
  rig->wait(seconds(30));  // no probe has passed since
  EXPECT_EQ(rig->health(), Health::unhealthy);
  rig->pass();
  rig->try_out(false);
  rig->wait(milliseconds(9500));
  EXPECT_EQ(rig->health(), Health::unhealthy);
  rig->time_out();
  rig->wait(seconds(5));
  EXPECT_EQ(rig->health(), Health::unhealthy);
}

TEST_F(VerdictTrials, NoTrialsWhereProbesFailAsWell) {
  ejected().time_out();
  EXPECT_TRUE(rig->on_trial());
  rig->time_out();
  EXPECT_FALSE(rig->on_trial());
  rig->try_out(true, 2);  // those that were under way
  EXPECT_EQ(rig->health(), Health::unhealthy);
  rig->time_out(2, true);
  EXPECT_EQ(rig->health(), Health::degraded);
  EXPECT_EQ(rig->reason(), "probes fail while calls succeed");
  EXPECT_EQ(quota.out(), 0u);
}

}  // namespace
}  // namespace weir
