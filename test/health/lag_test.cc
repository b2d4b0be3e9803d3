#include "health/lag.h"

#include <gtest/gtest.h>

namespace weir {
namespace {

using std::chrono::milliseconds;

constexpr TimePoint kStart{std::chrono::hours(1)};

TEST(Lag, OnlyLatenessOverTheToleratedCounts) {
  Lag lag;
  EXPECT_FALSE(lag.lagged_since(TimePoint{}));
  lag.note(kStart, kStart + milliseconds(50));
  EXPECT_FALSE(lag.lagged_since(TimePoint{}));
  lag.note(kStart, kStart + milliseconds(51));
  EXPECT_TRUE(lag.lagged_since(TimePoint{}));
}

TEST(Lag, VoidsWhatBeganBeforeTheLateWakeUp) {
  Lag lag;
  const TimePoint late = kStart + milliseconds(200);
  lag.note(kStart, late);
  EXPECT_TRUE(lag.lagged_since(kStart - milliseconds(10)));
  EXPECT_TRUE(lag.lagged_since(kStart + milliseconds(100)));  // begun while the loop stood
  EXPECT_TRUE(lag.lagged_since(late));
  EXPECT_FALSE(lag.lagged_since(late + milliseconds(1)));
  lag.note(late, late + milliseconds(10));  // in time again
  EXPECT_TRUE(lag.lagged_since(late));
  EXPECT_FALSE(lag.lagged_since(late + milliseconds(1)));
}

}  // namespace
}  // namespace weir
