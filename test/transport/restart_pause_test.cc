#include "transport/restart_pause.h"

#include <gtest/gtest.h>

#include <vector>

namespace weir {
namespace {

using std::chrono::milliseconds;
using std::chrono::seconds;

constexpr double kMost = 1.0;
const RestartPause::TimePoint kStart{seconds(1000)};

TEST(RestartPause, DoublesFromATenthToTenSeconds) {
  RestartPause pause;
  for (int expected_ms : {100, 200, 400, 800, 1600, 3200, 6400, 10000, 10000, 10000})
    EXPECT_EQ(pause.died(kStart, kMost), milliseconds(expected_ms));
}

TEST(RestartPause, ChanceTakesUpToHalf) {
  struct Case {
    double chance;
    int expected_ms;
  };
  for (const Case& c : std::vector<Case>{{0.0, 50}, {0.5, 75}, {1.0, 100}, {-3.0, 50}, {7.0, 100}}) {
    RestartPause pause;
    EXPECT_EQ(pause.died(kStart, c.chance), milliseconds(c.expected_ms)) << c.chance;
  }
}

TEST(RestartPause, StartsAgainOnlyAfterBeingWellLongEnough) {
  struct Case {
    bool came_up;
    milliseconds well;
    int expected_ms;
  };
  for (const Case& c : std::vector<Case>{{true, milliseconds(9999), 400},
                                         {true, milliseconds(10000), 100},
                                         {true, milliseconds(60000), 100},
                                         {false, milliseconds(60000), 400}}) {
    RestartPause pause;
    EXPECT_EQ(pause.died(kStart, kMost), milliseconds(100));
    EXPECT_EQ(pause.died(kStart, kMost), milliseconds(200));
    if (c.came_up) pause.came_up(kStart);
    EXPECT_EQ(pause.died(kStart + c.well, kMost), milliseconds(c.expected_ms)) << c.well.count();
  }
}

TEST(RestartPause, AnEarlierLifeDoesNotCountForTheNext) {
  RestartPause pause;
  pause.came_up(kStart);
  EXPECT_EQ(pause.died(kStart + seconds(20), kMost), milliseconds(100));
  // Never came up this time, however long it took to die.
  EXPECT_EQ(pause.died(kStart + seconds(80), kMost), milliseconds(200));
}

TEST(RestartPause, OptionsAreObeyed) {
  RestartPause pause({.first = milliseconds(10), .max = milliseconds(25), .well_after = seconds(1)});
  for (int expected_ms : {10, 20, 25, 25}) EXPECT_EQ(pause.died(kStart, kMost), milliseconds(expected_ms));
}

// What is lost soon after it began a second time rests.
TEST(ReopenPause, AtOnceTheFirstTimeThenLessAndLessOften) {
  ReopenPause pause;
  RestartPause::TimePoint now = kStart;
  const auto lose_after = [&](ReopenPause::Duration well) {
    pause.came_up(now);
    now += well;
    return pause.lost(now, kMost);
  };
  EXPECT_EQ(lose_after(milliseconds(1)), milliseconds(0));
  for (int expected_ms : {100, 200, 400, 800, 1600, 3200, 6400, 10000, 10000})
    EXPECT_EQ(lose_after(milliseconds(1)), milliseconds(expected_ms));
  EXPECT_EQ(lose_after(ReopenPause::kWell), milliseconds(0));
  // That was a good one: the server has restarted.
  EXPECT_EQ(lose_after(milliseconds(1)), milliseconds(0));
  EXPECT_EQ(lose_after(milliseconds(1)), milliseconds(100));
}

}  // namespace
}  // namespace weir
