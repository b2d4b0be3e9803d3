#include "balance/picker.h"

#include <gtest/gtest.h>

#include <set>
#include <thread>

#include "balance/crowd.h"

namespace weir {
namespace {

using Strategy = LoadBalancingConfig::Strategy;

class EachStrategy : public testing::TestWithParam<Strategy> {};
INSTANTIATE_TEST_SUITE_P(Picker, EachStrategy, testing::ValuesIn(kStrategies));

TEST_P(EachStrategy, PicksOnlyTheEligible) {
  for (const std::size_t size : {3u, 12u, 100u}) {
    Crowd crowd(size);
    for (std::size_t i = 0; i < size; ++i) crowd.candidates[i].eligible = i % 3 == 1;
    crowd.remake(GetParam());
    for (int i = 0; i < 2'000; ++i) {
      const std::size_t place = crowd.pick(crowd.random.next());
      ASSERT_EQ(place % 3, 1u);
      // Loads of all sorts, to get everywhere in the choice.
      crowd.at(place).in_flight = static_cast<std::uint32_t>(crowd.random.below(4));
    }
  }
}

TEST_P(EachStrategy, PicksTheOnlyOneHoweverItStands) {
  for (const std::size_t size : {1u, 5u}) {
    Crowd crowd(size);
    for (std::size_t i = 0; i + 1 < size; ++i) crowd.candidates[i].eligible = false;
    crowd.at(size - 1).in_flight = 1'000;
    crowd.at(size - 1).slowness = 9;
    crowd.at(size - 1).returned_at = facts_time(crowd.now);
    crowd.remake(GetParam());
    for (int i = 0; i < 100; ++i) ASSERT_EQ(crowd.pick(crowd.random.next()), size - 1);
  }
}

TEST_P(EachStrategy, FollowsWeightsWhereAllElseIsEqual) {
  if (GetParam() == Strategy::round_robin) return;
  for (const std::size_t size : {3u, 20u}) {
    std::vector<std::uint32_t> weights(size, 2);
    weights[0] = static_cast<std::uint32_t>(size * 2);
    Crowd crowd(size, weights);
    crowd.config.virtual_nodes = 2'000;
    for (std::size_t i = 0; i < size; ++i) crowd.at(i).sampled_at = facts_time(crowd.now);
    crowd.remake(GetParam());
    const double wanted = static_cast<double>(size) / static_cast<double>(2 * size - 1);
    EXPECT_NEAR(crowd.shares(100'000)[0], wanted, 0.02) << size;
  }
}

TEST_P(EachStrategy, AShareGrowsLinearlyAfterAReturn) {
  if (GetParam() == Strategy::consistent_hash) return;
  for (const std::size_t size : {3u, 12u}) {
    Crowd crowd(size);
    crowd.config.slow_start = std::chrono::seconds(10);
    for (std::size_t i = 0; i < size; ++i) crowd.at(i).sampled_at = facts_time(crowd.now) + 1'000'000'000'000;
    crowd.at(0).returned_at = facts_time(crowd.now);
    crowd.remake(GetParam());
    const struct {
      int second;
      double part;
    } rows[] = {{0, 0.1}, {3, 0.37}, {5, 0.55}, {8, 0.82}, {10, 1}, {60, 1}};
    const TimePoint begin = crowd.now;
    for (const auto& row : rows) {
      crowd.now = begin + std::chrono::seconds(row.second);
      // What it does not get goes to the others, or comes up again for all.
      const double least = row.part / static_cast<double>(size);
      const double most = row.part / (row.part + static_cast<double>(size - 1));
      const double share = crowd.shares(60'000)[0];
      EXPECT_GT(share, 0.95 * least - 0.002) << size << " at " << row.second;
      EXPECT_LT(share, 1.15 * most + 0.002) << size << " at " << row.second;
    }
  }
}

TEST_P(EachStrategy, SlowStartOffOrOfAllTogetherChangesNothing) {
  if (GetParam() == Strategy::consistent_hash) return;
  for (const int seconds : {0, 10}) {
    Crowd crowd(4);
    crowd.config.slow_start = std::chrono::seconds(seconds);
    for (std::size_t i = 0; i < 4; ++i) {
      if (seconds != 0 || i == 0) crowd.at(i).returned_at = facts_time(crowd.now);
    }
    for (std::size_t i = 0; i < 4; ++i) crowd.at(i).sampled_at = facts_time(crowd.now);
    crowd.remake(GetParam());
    for (const double share : crowd.shares(40'000)) EXPECT_NEAR(share, 0.25, 0.01);
  }
}

TEST_P(EachStrategy, IsReplacedByAnyOther) {
  for (const Strategy next : kStrategies) {
    Crowd crowd(3);
    crowd.remake(GetParam());
    crowd.pick(1);
    crowd.remake(next);
    EXPECT_LT(crowd.pick(1), 3u);
  }
}

TEST_P(EachStrategy, ManyShardsPickWithOne) {
  Crowd crowd(12);
  crowd.remake(GetParam());
  std::vector<std::thread> shards;
  for (std::uint64_t seed = 0; seed < 4; ++seed) {
    shards.emplace_back([&crowd, seed, picker = crowd.picker] {
      Random random(seed);
      TimePoint now = crowd.now;
      for (int i = 0; i < 3'000; ++i) {
        now += std::chrono::microseconds(random.below(500));
        const std::uint64_t kind = random.below(3);
        const std::size_t place = picker->pick({now, random.next(), kind}, random);
        EndpointFacts& facts = crowd.at(place);
        begin_call(facts, now);
        facts.in_flight.fetch_add(1, std::memory_order_relaxed);
        picker->note(place, kind, std::chrono::microseconds(random.below(900)), random.below(9) == 0, now);
        facts.in_flight.fetch_sub(1, std::memory_order_release);
      }
    });
  }
  for (std::thread& shard : shards) shard.join();
  std::uint64_t picked = 0;
  for (std::size_t i = 0; i < 12; ++i) {
    picked += crowd.at(i).picked;
    EXPECT_GT(crowd.at(i).picked, 0u);
    EXPECT_EQ(crowd.at(i).in_flight, 0u);
  }
  EXPECT_EQ(picked, 12'000u);
}

TEST(HashBytes, DependsOnEveryByteLengthAndSeed) {
  std::set<std::uint64_t> seen;
  std::string text(40, 'a');
  for (std::size_t length = 0; length <= text.size(); ++length)
    EXPECT_TRUE(seen.insert(hash_bytes(std::string_view(text).substr(0, length))).second);
  for (std::size_t i = 0; i < text.size(); ++i) {
    std::string other = text;
    for (int bit = 0; bit < 8; ++bit) {
      other[i] = static_cast<char>(text[i] ^ (1 << bit));
      EXPECT_TRUE(seen.insert(hash_bytes(other)).second);
    }
  }
  for (std::uint64_t seed = 1; seed < 50; ++seed) EXPECT_TRUE(seen.insert(hash_bytes(text, seed)).second);
  EXPECT_NE(hash_bytes(std::string_view("\0", 1)), hash_bytes(std::string_view("\0\0", 2)));
}

}  // namespace
}  // namespace weir
