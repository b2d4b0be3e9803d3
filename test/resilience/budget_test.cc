// Budgets, pauses and percentiles: what the layers count with.
#include "resilience/budget.h"

#include <gtest/gtest.h>

#include "resilience/backoff.h"
#include "resilience/latencies.h"

namespace weir {
namespace {

using namespace std::chrono_literals;

TimePoint at(Duration time) { return TimePoint(1000s) + time; }

TEST(Budget, IsAShareOfTheCallsOfTheLastTenSeconds) {
  Budget budget(0.2, 0);
  EXPECT_FALSE(budget.withdraw(at(0s)));
  for (int i = 0; i < 50; ++i) budget.deposit(at(0s));
  int got = 0;
  while (budget.withdraw(at(1s))) ++got;
  EXPECT_EQ(got, 10);
  EXPECT_FALSE(budget.withdraw(at(5s)));
  for (int i = 0; i < 25; ++i) budget.deposit(at(12s));
  got = 0;
  while (budget.withdraw(at(12s))) ++got;
  EXPECT_EQ(got, 5) << "what came and went before is forgotten";
}

TEST(Budget, ReserveIsThereWithoutCalls) {
  Budget budget(0, 2);
  int got = 0;
  while (budget.withdraw(at(0s))) ++got;
  EXPECT_EQ(got, 20);
  EXPECT_FALSE(budget.withdraw(at(3s)));
  EXPECT_TRUE(budget.withdraw(at(11s)));
}

TEST(Budget, NothingIsNothing) {
  Budget budget(0, 0);
  for (int i = 0; i < 1000; ++i) budget.deposit(at(0s));
  EXPECT_FALSE(budget.withdraw(at(0s)));
}

TEST(Backoff, EachJitterKeepsItsBounds) {
  using Jitter = RetryConfig::Jitter;
  RetryConfig config;
  config.initial_delay = 10ms;
  config.max_delay = 45ms;
  Random random(7);
  for (const Jitter jitter : {Jitter::full, Jitter::equal, Jitter::decorrelated}) {
    config.jitter = jitter;
    Duration least = 1h;
    Duration most{};
    for (int i = 0; i < 2000; ++i) {
      const Duration pause = backoff(config, 3, 20ms, random);
      least = std::min(least, pause);
      most = std::max(most, pause);
    }
    // The third attempt: up to 20 ms, or three times the pause before, at most 45 ms.
    const Duration low = jitter == Jitter::full ? Duration(0ms) : 10ms;
    const Duration high = jitter == Jitter::decorrelated ? Duration(45ms) : 20ms;
    EXPECT_GE(least, low);
    EXPECT_LE(least, low + 1ms);
    EXPECT_LE(most, high);
    EXPECT_GE(most, high - 1ms);
  }
}

TEST(Backoff, WithoutADelayThereIsNone) {
  RetryConfig config;
  config.initial_delay = 0ms;
  Random random(7);
  EXPECT_EQ(backoff(config, 2, 0ms, random), 0ms);
}

TEST(Latencies, NothingIsKnownFromFewCalls) {
  Latencies latencies;
  for (std::uint32_t i = 1; i < Latencies::kLeast; ++i) latencies.note(1, 10ms);
  EXPECT_FALSE(latencies.find(1));
  latencies.note(1, 10ms);
  ASSERT_TRUE(latencies.find(1));
  EXPECT_FALSE(latencies.find(2));
}

TEST(Latencies, PercentilesAreWithinABucket) {
  Latencies latencies;
  latencies.watch(90);
  for (int i = 0; i < 960; ++i) latencies.note(5, std::chrono::milliseconds(1 + i % 100));
  const auto known = latencies.find(5);
  ASSERT_TRUE(known);
  EXPECT_GE(known->watched, 90ms);
  EXPECT_LE(known->watched, 90ms * 5 / 4);
  EXPECT_GE(known->p99, 99ms);
  EXPECT_LE(known->p99, 99ms * 5 / 4);
}

TEST(Latencies, WhatIsSoNowCountsMore) {
  Latencies latencies;
  for (int i = 0; i < 5000; ++i) latencies.note(5, 500ms);
  for (int i = 0; i < 5000; ++i) latencies.note(5, 5ms);
  EXPECT_LE(latencies.find(5)->p99, 7ms);
}

TEST(Latencies, ATableThatIsFullKnowsWhatItKnew) {
  Latencies latencies;
  for (std::uint64_t kind = 0; kind < 10'000; ++kind) latencies.note(kind * 77, 1ms);
  for (std::uint32_t i = 0; i < Latencies::kLeast; ++i) latencies.note(0, 1ms);
  EXPECT_TRUE(latencies.find(0));
}

TEST(Latencies, ExtremesAreTaken) {
  Latencies latencies;
  for (std::uint32_t i = 0; i < Latencies::kLeast; ++i) latencies.note(3, Duration::zero());
  EXPECT_LE(latencies.find(3)->p99, 5us);
  for (std::uint32_t i = 0; i < Latencies::kLeast; ++i) latencies.note(4, 24h);
  EXPECT_GE(latencies.find(4)->p99, 60s);
}

}  // namespace
}  // namespace weir
