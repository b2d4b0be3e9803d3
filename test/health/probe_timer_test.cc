#include "health/probe_timer.h"

#include <gtest/gtest.h>

namespace weir {
namespace {

using std::chrono::milliseconds;
using std::chrono::seconds;

constexpr TimePoint kStart{std::chrono::hours(1)};
constexpr double kMiddle = 0.5;  // no jitter

HealthCheckConfig every(std::optional<milliseconds> interval) {
  HealthCheckConfig config;
  config.interval = interval;
  return config;
}

ProbeTimer::Seen healthy() {
  ProbeTimer::Seen seen;
  seen.probed = kStart;
  seen.healthy = true;
  return seen;
}

TEST(ProbeTimer, TheFirstIsDueAtOnce) { EXPECT_EQ(ProbeTimer({}, 3).due({}, kStart, 0.9), TimePoint{}); }

TEST(ProbeTimer, PausesFollowTheConfiguration) {
  struct Case {
    std::optional<milliseconds> interval;
    std::size_t endpoints;
    milliseconds usual, suspect, long_down;
  };
  for (const Case& c : {Case{{}, 3, milliseconds(250), milliseconds(100), seconds(1)},
                        Case{{}, 1, seconds(15), milliseconds(100), seconds(1)},
                        Case{seconds(10), 3, seconds(10), milliseconds(2500), milliseconds(2500)},
                        Case{seconds(1), 1, seconds(1), milliseconds(250), seconds(1)},
                        Case{milliseconds(200), 3, milliseconds(200), milliseconds(100), milliseconds(200)},
                        Case{milliseconds(50), 3, milliseconds(50), milliseconds(50), milliseconds(50)}}) {
    const ProbeTimer timer(every(c.interval), c.endpoints);
    ProbeTimer::Seen seen = healthy();
    EXPECT_EQ(timer.due(seen, kStart, kMiddle) - kStart, c.usual);
    seen.suspect = true;
    EXPECT_EQ(timer.due(seen, kStart, kMiddle) - kStart, c.suspect);
    seen.healthy = false;
    seen.down_since = kStart - seconds(30);
    EXPECT_EQ(timer.due(seen, kStart, kMiddle) - kStart, c.suspect);
    seen.down_since = kStart - milliseconds(30001);
    EXPECT_EQ(timer.due(seen, kStart, kMiddle) - kStart, c.long_down);
  }
}

TEST(ProbeTimer, JitterIsAShareOfThePauseEitherWay) {
  HealthCheckConfig config = every(seconds(1));
  config.jitter = 0.2;
  const ProbeTimer timer(config, 2);
  EXPECT_EQ(timer.due(healthy(), kStart, 0.0) - kStart, milliseconds(800));
  EXPECT_EQ(timer.due(healthy(), kStart, 0.75) - kStart, milliseconds(1100));
  config.jitter = 0;
  EXPECT_EQ(ProbeTimer(config, 2).due(healthy(), kStart, 0.0) - kStart, seconds(1));
}

TEST(ProbeTimer, CallsThatSucceedStandInForProbes) {
  const ProbeTimer timer({}, 2);
  ProbeTimer::Seen seen = healthy();
  seen.last_success = kStart + milliseconds(200);
  EXPECT_EQ(timer.due(seen, kStart, kMiddle), kStart + milliseconds(450));
  seen.last_success = kStart - milliseconds(200);  // the probe is the newer evidence
  EXPECT_EQ(timer.due(seen, kStart, kMiddle), kStart + milliseconds(250));
  seen.last_success = kStart + milliseconds(200);
  seen.last_failure = kStart + milliseconds(210);
  EXPECT_EQ(timer.due(seen, kStart, kMiddle), kStart + milliseconds(250));
  seen.last_failure = kStart + milliseconds(190);
  EXPECT_EQ(timer.due(seen, kStart, kMiddle), kStart + milliseconds(450));
  seen.suspect = true;
  EXPECT_EQ(timer.due(seen, kStart, kMiddle), kStart + milliseconds(100));
  seen.suspect = false;
  seen.healthy = false;
  EXPECT_EQ(timer.due(seen, kStart, kMiddle), kStart + milliseconds(250));
}

TEST(ProbeTimer, TheTimeoutFollowsTheUsualAnswerTime) {
  ProbeTimer timer({}, 2);
  EXPECT_EQ(timer.timeout(), seconds(1));
  for (int i = 0; i < 100; ++i) timer.answered(milliseconds(2));
  EXPECT_EQ(timer.timeout(), milliseconds(200));
  for (int i = 0; i < 300; ++i) timer.answered(milliseconds(100));
  EXPECT_GE(timer.timeout(), milliseconds(395));
  EXPECT_LE(timer.timeout(), milliseconds(405));
}

TEST(ProbeTimer, AConfiguredTimeoutStands) {
  HealthCheckConfig config;
  config.timeout = milliseconds(70);
  ProbeTimer timer(config, 2);
  timer.answered(seconds(3));
  for (int i = 0; i < 9; ++i) timer.timed_out();
  EXPECT_EQ(timer.timeout(), milliseconds(70));
}

TEST(ProbeTimer, TimeoutsInARowMakePatient) {
  ProbeTimer timer({}, 2);
  timer.answered(milliseconds(1));
  for (const int wanted : {200, 200, 400, 800, 1600, 3200, 5000, 5000}) {
    EXPECT_EQ(timer.timeout(), milliseconds(wanted));
    timer.timed_out();
  }
  timer.answered(milliseconds(1));
  EXPECT_EQ(timer.timeout(), milliseconds(200));
}

TEST(AnswerTime, TakesAccountOfHowMuchAnswersVary) {
  AnswerTime steady;
  AnswerTime varying;
  EXPECT_FALSE(steady.limit());
  steady.note(milliseconds(100));
  EXPECT_EQ(*steady.limit(), milliseconds(400));
  for (int i = 0; i < 200; ++i) {
    steady.note(milliseconds(100));
    varying.note(i % 4 == 0 ? milliseconds(400) : milliseconds(0));
  }
  EXPECT_EQ(*steady.limit(), milliseconds(400));
  EXPECT_GT(*varying.limit(), milliseconds(500));
}

}  // namespace
}  // namespace weir
