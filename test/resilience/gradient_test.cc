#include "resilience/gradient.h"

#include <gtest/gtest.h>

#include "resilience/bulkhead_rig.h"

namespace weir {
namespace {

using std::chrono::milliseconds;

TEST(Gradient, GrowsWhileCallsTakeNoLongerAndItIsNeeded) {
  Gradient limit(100);
  EXPECT_EQ(limit.limit(), 20u);
  for (int i = 0; i < 5; ++i) limit.update(milliseconds(10), 9, false);
  EXPECT_EQ(limit.limit(), 20u);  // less than half of it is used
  limit.update(milliseconds(10), 10, false);
  limit.update(milliseconds(10), 1, true);
  EXPECT_EQ(limit.limit(), 21u);  // 0.2 * 4 more each time
  for (int i = 0; i < 1000; ++i) limit.update(milliseconds(10), 100, true);
  EXPECT_EQ(limit.limit(), 100u);
}

TEST(Gradient, ShrinksWhileCallsTakeLongerThanTheyUsedTo) {
  Gradient limit(100);
  for (int i = 0; i < 200; ++i) limit.update(milliseconds(10), 100, true);
  ASSERT_EQ(limit.limit(), 100u);
  limit.update(milliseconds(14), 100, true);  // no more than half as long again
  EXPECT_EQ(limit.limit(), 100u);
  limit.update(milliseconds(1000), 100, true);  // a tenth less, and the room
  EXPECT_EQ(limit.limit(), 90u);
  for (int i = 0; i < 40; ++i) limit.update(milliseconds(1000), 100, false);
  EXPECT_EQ(limit.limit(), 20u);
}

TEST(Gradient, ForgetsBadTimes) {
  Gradient limit(100);
  for (int i = 0; i < 50; ++i) limit.update(milliseconds(1000), 100, true);
  for (int i = 0; i < 100; ++i) limit.update(milliseconds(10), 100, true);
  const std::uint32_t before = limit.limit();
  for (int i = 0; i < 5; ++i) limit.update(milliseconds(100), 100, true);
  EXPECT_LT(limit.limit(), before);
}

TEST(Gradient, ItsBoundsMayChange) {
  Gradient limit(5);
  EXPECT_EQ(limit.limit(), 5u);
  limit.update(milliseconds(10), 5, true);
  EXPECT_EQ(limit.limit(), 5u);
  limit.set_most(60);
  EXPECT_EQ(limit.limit(), 20u);
  for (int i = 0; i < 100; ++i) limit.update(milliseconds(10), 60, true);
  EXPECT_EQ(limit.limit(), 60u);
  limit.set_most(30);
  EXPECT_EQ(limit.limit(), 30u);
}

BulkheadConfig adaptive(std::size_t most) {
  BulkheadConfig config = bulkhead_of(most, 200, 60'000);
  config.adaptive = true;
  return config;
}

// Calls without end: as many as are let in, each as long as `hold` says for its time.
void load(BulkheadRig& rig, int from_ms, int to_ms, int every, int hold, bool asks = false) {
  static int number = 0;
  for (int at = from_ms; at < to_ms; at += every) {
    Asked asked;
    asked.hold = milliseconds(hold);
    if (asks) asked.asks = {milliseconds(1), milliseconds(5000)};
    rig.at(at, "n" + std::to_string(++number), asked);
  }
}

TEST(BulkheadAdaptive, BeginsAtTheLeastAndGrowsUnderLoad) {
  BulkheadRig rig(adaptive(60));
  EXPECT_EQ(rig.policies.admission.limit(), 20u);
  std::size_t first = 0;
  rig.world.watch([&] {
    if (rig.world.now() < rig.begin + milliseconds(150)) first = rig.most;
  });
  load(rig, 0, 20'000, 4, 200);  // fifty at a time
  ASSERT_TRUE(rig.run());
  EXPECT_EQ(first, 20u);
  EXPECT_GE(rig.most, 50u);
  EXPECT_LE(rig.most, 60u);
}

TEST(BulkheadAdaptive, ShrinksWhenTheServerBecomesSlowAndNotWhenClientsAre) {
  for (const bool asks : {false, true}) {
    BulkheadRig rig(adaptive(60));
    load(rig, 0, 20'000, 4, 200);
    std::uint32_t before = 0;
    std::uint32_t least = 1000;
    rig.world.watch([&] {
      const std::uint32_t now = rig.policies.admission.limit().value_or(0);
      if (rig.world.now() < rig.begin + milliseconds(20'000)) before = now;
      least = std::min(least, rig.world.now() < rig.begin + milliseconds(21'000) ? 1000 : now);
    });
    load(rig, 20'000, 26'000, 20, asks ? 200 : 2000, asks);
    ASSERT_TRUE(rig.run());
    EXPECT_GT(before, 40u);
    if (asks)
      EXPECT_GE(least, before);
    else
      EXPECT_LT(least, before * 3 / 4);
  }
}

}  // namespace
}  // namespace weir
