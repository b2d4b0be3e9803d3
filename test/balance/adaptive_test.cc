#include "balance/adaptive.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <cmath>

#include "balance/call_storm.h"

namespace weir {
namespace {

using std::chrono::milliseconds;
constexpr std::uint64_t kSeeds = 5;
constexpr auto kAdaptive = LoadBalancingConfig::Strategy::adaptive_latency;

/// Three endpoints, 150 calls a second, of one tool or of some that differ by a factor of 5000.
class AdaptiveStorm : public testing::TestWithParam<bool> {
 protected:
  CallStorm storm(std::uint64_t seed, std::vector<std::uint32_t> weights = {}) const {
    CallStorm made(3, seed, std::move(weights));
    if (GetParam()) made.tools = {{0.5, 10}, {0.3, 2}, {0.18, 100}, {0.02, 10'000}};
    return made;
  }
  template <class Test>
  void each_seed(Test test) const {
    for (std::uint64_t seed = 1; seed <= kSeeds; ++seed) {
      SCOPED_TRACE(seed);
      CallStorm made = storm(seed);
      made.run(5);
      test(made);
    }
  }
};
INSTANTIATE_TEST_SUITE_P(Tools, AdaptiveStorm, testing::Bool(),
                         [](const auto& row) { return row.param ? "Mixed" : "One"; });

TEST_P(AdaptiveStorm, EqualsShareEvenly) {
  each_seed([](CallStorm& storm) {
    storm.run(60);  // calls of 10 s make a short time uneven: they are load
    for (std::size_t i = 0; i < 3; ++i) EXPECT_NEAR(storm.of_fair(i), 1, 0.15);
  });
}

TEST_P(AdaptiveStorm, EqualsShareByWeight) {
  for (std::uint64_t seed = 1; seed <= kSeeds; ++seed) {
    CallStorm made = storm(seed, {1, 2, 3});
    made.run(60);
    for (std::size_t i = 0; i < 3; ++i)
      EXPECT_NEAR(made.of_fair(i), static_cast<double>(i + 1) / 2, 0.25 * static_cast<double>(i + 1) / 2);
  }
}

TEST_P(AdaptiveStorm, FindsASlowEndpointAndItsRecovery) {
  each_seed([](CallStorm& storm) {
    storm.manners[1].slower = 10;
    storm.run(3);
    storm.run(5);
    EXPECT_LT(storm.of_fair(1), 0.1);
    EXPECT_GT(storm.picked[1], 0);
    storm.manners[1].slower = 1;
    storm.run(5);
    storm.run(2);
    EXPECT_GT(storm.of_fair(1), 0.5);
  });
}

TEST_P(AdaptiveStorm, AnEndpointThatFailsFastDrawsNoCalls) {
  each_seed([](CallStorm& storm) {
    storm.manners[1].fails = true;
    storm.run(3);
    storm.run(5);
    EXPECT_LT(storm.of_fair(1), 0.1);
    storm.manners[1].fails = false;
    storm.run(5);
    storm.run(2);
    EXPECT_GT(storm.of_fair(1), 0.5);
  });
}

TEST_P(AdaptiveStorm, AnEndpointThatHangsGetsAHandful) {
  each_seed([](CallStorm& storm) {
    storm.manners[1].hangs = true;
    storm.run(20);
    EXPECT_LE(storm.picked[1], 8);  // of 3000
  });
}

TEST_P(AdaptiveStorm, TwoSlowOnesOfThreeAreFound) {
  each_seed([](CallStorm& storm) {
    storm.manners[0].slower = storm.manners[1].slower = 10;
    storm.run(5);
    storm.run(5);
    EXPECT_GT(storm.of_fair(2), 2.4);  // of 3
  });
}

TEST(Adaptive, ShardsDoNotHerdHoweverLateTheyHear) {
  for (const bool all_chance : {false, true}) {
    for (const double delay : {0.0, 0.05, 0.2}) {
      for (std::uint64_t seed = 1; seed <= kSeeds; ++seed) {
        // As many calls as four shards make: 133 for each endpoint in a slot. Even those would come to 1.3
        // by chance alone; where times are all chance, so is what is learned from them.
        CallStorm storm(3, seed);
        storm.rate = 4000;
        storm.note_delay = delay;
        storm.all_chance = all_chance;
        storm.run(2);
        for (int slot = 0; slot < 50; ++slot) {
          storm.run(0.1);
          for (std::size_t i = 0; i < 3; ++i) ASSERT_LT(storm.of_fair(i), all_chance ? 1.75 : 1.35) << delay;
        }
      }
    }
  }
}

TEST(Adaptive, ManyEndpointsAreToldApartToo) {
  CallStorm storm(20, 1);
  storm.rate = 1000;
  storm.run(5);
  for (std::size_t i = 0; i < 5; ++i) storm.manners[i].slower = 10;
  storm.run(5);
  storm.run(5);
  for (std::size_t i = 0; i < 5; ++i) EXPECT_LT(storm.of_fair(i), 0.4);
  for (std::size_t i = 5; i < 20; ++i) EXPECT_NEAR(storm.of_fair(i), 1.3, 0.3);
}

/// Two endpoints; both were heard of just now.
struct Pair : Crowd {
  Pair() : Crowd(2) {
    heard();
    remake(kAdaptive);
  }
  void heard() {
    for (std::size_t i = 0; i < 2; ++i) at(i).sampled_at = facts_time(now);
  }
  void note(std::size_t place, std::uint64_t kind, double ms, bool failed = false) {
    now += milliseconds(1);
    picker->note(place, kind, std::chrono::nanoseconds(static_cast<std::int64_t>(ms * 1e6)), failed, now);
  }
};

TEST(Adaptive, ASampleIsMeasuredByItsKind) {
  Pair pair;
  for (int i = 0; i < 200; ++i) {
    pair.note(0, 1, 5);
    pair.note(0, 2, 5'000);  // a slow tool, and all its calls go here
    pair.note(1, 1, 5);
  }
  EXPECT_NEAR(pair.at(0).slowness, 0, 0.01);
  EXPECT_NEAR(pair.at(1).slowness, 0, 0.01);
  for (int i = 0; i < 10; ++i) pair.note(0, 1, 20);
  EXPECT_NEAR(pair.at(0).slowness, 2, 0.2);  // four times as slow
}

TEST(Adaptive, WhatItKnowsOfKindsOutlivesThePicker) {
  Pair pair;
  for (int i = 0; i < 100; ++i) pair.note(0, 1, 5);
  pair.remake(kAdaptive);
  pair.note(1, 1, 80);
  EXPECT_NEAR(pair.at(1).slowness, 4 * 0.25, 0.1);
}

TEST(Adaptive, AFailureIsNoGoodSampleAndTeachesNothing) {
  Pair pair;
  for (int i = 0; i < 100; ++i) pair.note(0, 1, 5);
  for (int i = 0; i < 100; ++i) pair.note(1, 1, 0.01, true);
  EXPECT_NEAR(pair.at(1).slowness, 4, 0.01);  // as if it took 16 times as long
  for (int i = 0; i < 20; ++i) pair.note(0, 1, 5);
  EXPECT_NEAR(pair.at(0).slowness, 0, 0.01);
  pair.at(1).slowness = 6;
  pair.note(1, 1, 0.01, true);
  EXPECT_EQ(pair.at(1).slowness, 6);
}

TEST(Adaptive, AfterALongTimeOneSampleSaysNearlyAll) {
  Pair pair;
  for (int i = 0; i < 255; ++i) pair.note(0, 1, 5);
  pair.at(1).slowness = 6;
  pair.note(1, 1, 5);
  EXPECT_NEAR(pair.at(1).slowness, 4.5, 0.1);
  pair.now += pair.config.window;
  pair.note(1, 1, 5);
  EXPECT_LT(pair.at(1).slowness, 0.2);  // e^-4 of it
}

TEST(Adaptive, HowLongAgoThatIsFollowsTheWindow) {
  for (const auto& [window, forgotten] :
       {std::pair{milliseconds(1'000), true}, std::pair{milliseconds(100'000), false}}) {
    Pair pair;
    pair.config.window = window;
    pair.remake(kAdaptive);
    for (int i = 0; i < 255; ++i) pair.note(0, 1, 5);
    pair.at(1).slowness = 6;
    pair.note(1, 1, 5);
    pair.now += milliseconds(2'000);
    pair.note(1, 1, 5);
    EXPECT_EQ(pair.at(1).slowness < 0.2F, forgotten) << window.count() << " ms";
  }
}

TEST(Adaptive, SilenceCountsUntilAnAnswer) {
  Pair pair;
  for (int i = 0; i < 100; ++i) pair.note(i % 2, 1, 10);
  const auto share_of_first = [&pair] {
    pair.heard();
    int first = 0;
    for (int i = 0; i < 2'000; ++i) first += pair.picker->pick({pair.now, 0, 99}, pair.random) == 0 ? 1 : 0;
    return first / 2'000.0;
  };
  // Both owe one; the picks of a kind that nobody knows are asked with.
  while (pair.picker->pick({pair.now, 0, 1}, pair.random) != 0) {
  }
  begin_call(pair.at(0), pair.now);
  pair.at(0).in_flight = 1;
  pair.at(1).in_flight = 1;
  pair.at(1).due_at = 0;
  pair.now += milliseconds(35);
  EXPECT_NEAR(share_of_first(), 0.5, 0.05);
  pair.now += milliseconds(45);  // eight times as long as usual
  EXPECT_NEAR(share_of_first(), 1 / 65.0, 0.02);
  answered(pair.at(0), pair.now);
  EXPECT_NEAR(share_of_first(), 0.5, 0.05);
}

TEST(Adaptive, ASlowToolMayTakeItsTime) {
  Pair pair;
  for (int i = 0; i < 100; ++i) {
    pair.note(i % 2, 1, 10);
    pair.note(i % 2, 2, 10'000);
  }
  while (pair.picker->pick({pair.now, 0, 2}, pair.random) != 0) {
  }
  begin_call(pair.at(0), pair.now);
  pair.at(0).in_flight = 1;
  pair.now += std::chrono::seconds(30);
  pair.at(0).slowness = -6;  // to be picked next
  pair.heard();
  const std::int64_t due = pair.at(0).due_at;
  EXPECT_GT(due, facts_time(pair.now));
  // A quick one that begins meanwhile is due sooner.
  ASSERT_EQ(pair.picker->pick({pair.now, 0, 1}, pair.random), 0u);
  EXPECT_NEAR(static_cast<double>(pair.at(0).due_at - facts_time(pair.now)), 40e6, 1e6);
  // And one that begins after it is not heeded.
  pair.now += milliseconds(10);
  ASSERT_EQ(pair.picker->pick({pair.now, 0, 1}, pair.random), 0u);
  EXPECT_NEAR(static_cast<double>(pair.at(0).due_at - facts_time(pair.now)), 30e6, 1e6);
}

TEST(Adaptive, WhoWasNotHeardOfIsTriedNowAndThen) {
  Pair pair;
  pair.at(1).slowness = 16;  // 2^-32 of the calls by merit
  const auto tried = [&pair] {
    int count = 0;
    for (int i = 0; i < 64'000; ++i) count += pair.pick() == 1 ? 1 : 0;
    return count;
  };
  EXPECT_EQ(tried(), 0);
  pair.now += milliseconds(499);
  pair.at(0).sampled_at = facts_time(pair.now);
  EXPECT_EQ(tried(), 0);
  pair.now += milliseconds(1);
  EXPECT_NEAR(tried(), 1'000, 120);
  pair.at(1).in_flight = 1;  // it has one to answer already
  EXPECT_EQ(tried(), 0);
}

TEST(Baselines, HoldTheirKindsApartAndForgetTheLeastKnown) {
  Baselines baselines;
  for (int i = 0; i < 100; ++i) {
    for (std::uint64_t kind = 0; kind < 100; ++kind) baselines.learn(kind, static_cast<float>(kind));
  }
  for (std::uint64_t kind = 0; kind < 100; ++kind) {
    EXPECT_FLOAT_EQ(baselines.find(kind).usual, static_cast<float>(kind));
    EXPECT_EQ(baselines.find(kind).calls, 100u);
  }
  EXPECT_EQ(baselines.find(100).calls, 0u);
  // A flood of kinds that come once does not wash away one that is in use.
  for (std::uint64_t kind = 1'000; kind < 21'000; ++kind) {
    baselines.learn(kind, 1);
    if (kind % 40 == 0) baselines.learn(5, 5);
  }
  EXPECT_FLOAT_EQ(baselines.find(5).usual, 5);
}

TEST(Baselines, WhatIsCalledNoMoreMakesRoom) {
  Baselines baselines;
  for (int i = 0; i < 20; ++i) {
    for (std::uint64_t kind = 0; kind < 400; ++kind) baselines.learn(kind, 1);
  }
  for (int i = 0; i < 200; ++i) {
    for (std::uint64_t kind = 30'000; kind < 30'100; ++kind) baselines.learn(kind, 1);
  }
  int known = 0;
  for (std::uint64_t kind = 30'000; kind < 30'100; ++kind) known += baselines.find(kind).calls > 10 ? 1 : 0;
  EXPECT_GE(known, 75);  // rows are not filled evenly
}

TEST(Baselines, FollowTheirKind) {
  Baselines baselines;
  for (int i = 0; i < 1'000; ++i) baselines.learn(1, 10);
  for (int i = 0; i < 1'000; ++i) baselines.learn(1, 20);
  EXPECT_NEAR(baselines.find(1).usual, 20, 0.5);
}

}  // namespace
}  // namespace weir
