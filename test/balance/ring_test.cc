#include "balance/ring.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <cmath>

#include "balance/crowd.h"

namespace weir {
namespace {

constexpr auto kRing = LoadBalancingConfig::Strategy::consistent_hash;
constexpr std::size_t kKeys = 100'000;

std::vector<std::size_t> places(Crowd& crowd) {
  std::vector<std::size_t> result;
  for (std::uint64_t key = 0; key < kKeys; ++key) result.push_back(crowd.pick(key));
  return result;
}

std::vector<double> counts(const std::vector<std::size_t>& places, std::size_t size) {
  std::vector<double> result(size);
  for (const std::size_t place : places) result[place] += 1;
  return result;
}

TEST(Ring, SharesKeysEvenly) {
  for (const char* domain : {"http://10.0.0.", "http://replica-", "https://mcp.example.com:90", "x", ""}) {
    Crowd crowd(10);
    for (std::size_t i = 0; i < 10; ++i) crowd.candidates[i].address = domain + std::to_string(i);
    crowd.remake(kRing);
    const std::vector<double> keys = counts(places(crowd), 10);
    EXPECT_LE(*std::max_element(keys.begin(), keys.end()), 1.25 * kKeys / 10) << domain;
    EXPECT_GE(*std::min_element(keys.begin(), keys.end()), 0.7 * kKeys / 10) << domain;
  }
}

TEST(Ring, MoreVirtualNodesShareMoreEvenly) {
  const auto spread = [](std::size_t nodes) {
    Crowd crowd(10);
    crowd.config.virtual_nodes = nodes;
    crowd.remake(kRing);
    const std::vector<double> keys = counts(places(crowd), 10);
    return *std::max_element(keys.begin(), keys.end()) - *std::min_element(keys.begin(), keys.end());
  };
  EXPECT_GT(spread(1), 2 * spread(160));
  EXPECT_GT(spread(160), 2 * spread(10'000));
}

TEST(Ring, FollowsWeights) {
  Crowd crowd(3, {100, 200, 300});
  crowd.remake(kRing);
  const std::vector<double> keys = counts(places(crowd), 3);
  for (std::size_t i = 0; i < 3; ++i) EXPECT_NEAR(keys[i] / kKeys, static_cast<double>(i + 1) / 6, 0.05);
}

TEST(Ring, OnlyTheKeysOfTheOneThatLeavesMoveAndAllComeBack) {
  for (std::size_t gone = 0; gone < 10; ++gone) {
    Crowd crowd(10);
    crowd.remake(kRing);
    const std::vector<std::size_t> before = places(crowd);
    crowd.candidates[gone].eligible = false;
    crowd.remake(kRing);
    const std::vector<std::size_t> without = places(crowd);
    std::size_t moved = 0;
    for (std::size_t i = 0; i < kKeys; ++i) {
      moved += before[i] != without[i] ? 1 : 0;
      ASSERT_EQ(before[i] != without[i], before[i] == gone);
    }
    EXPECT_LE(static_cast<double>(moved), 1.25 * kKeys / 10);
    // They go to all others, not to one.
    std::vector<double> taken(10);
    for (std::size_t i = 0; i < kKeys; ++i)
      if (before[i] == gone) taken[without[i]] += 1;
    EXPECT_LE(*std::max_element(taken.begin(), taken.end()), 0.3 * static_cast<double>(moved));
    crowd.candidates[gone].eligible = true;
    crowd.remake(kRing);
    EXPECT_EQ(places(crowd), before);
  }
}

// Whatever the weights have in common before and after.
TEST(Ring, WhoIsWeighedAnewMovesNoKeysButItsOwn) {
  const auto owners = [](std::vector<std::uint32_t> weights) {
    Crowd crowd(weights.size(), weights);
    for (std::size_t i = 0; i < weights.size(); ++i) crowd.candidates[i].eligible = weights[i] != 0;
    crowd.remake(kRing);
    return places(crowd);
  };
  const std::vector<std::size_t> even = owners({10, 10, 10});
  for (const std::uint32_t weight : {9U, 11U, 0U, 30U}) {
    const std::vector<std::size_t> now = owners({10, 10, weight});
    for (std::size_t i = 0; i < kKeys; ++i)
      if (even[i] != 2 && now[i] != 2) {
        ASSERT_EQ(even[i], now[i]) << weight;
      }
  }
  const std::vector<std::size_t> three = owners({2, 2, 3});
  const std::vector<std::size_t> two = owners({2, 2});
  for (std::size_t i = 0; i < kKeys; ++i)
    if (three[i] != 2) {
      ASSERT_EQ(three[i], two[i]);
    }
}

TEST(Ring, IsTheSameWhateverTheOrderAndWhoElseIsThere) {
  Crowd crowd(10);
  crowd.remake(kRing);
  const std::vector<std::size_t> before = places(crowd);
  Crowd other(10);
  std::reverse(other.candidates.begin(), other.candidates.end());
  other.candidates.pop_back();  // endpoint 0 is not even configured
  other.remake(kRing);
  const std::vector<std::size_t> after = places(other);
  for (std::size_t i = 0; i < kKeys; ++i) {
    if (before[i] != 0) {
      ASSERT_EQ(other.candidates[after[i]].address, crowd.candidates[before[i]].address);
    }
  }
}

TEST(Ring, WhoGetsNoCallsIsWalkedPastAllAroundTheRing) {
  Crowd crowd(50);
  crowd.config.virtual_nodes = 1;
  Crowd alone(0);
  alone.config.virtual_nodes = 1;
  for (std::size_t i = 0; i < 50; ++i) {
    crowd.candidates[i].eligible = i % 16 == 9;
    if (i % 16 == 9) alone.candidates.push_back(crowd.candidates[i]);
  }
  crowd.remake(kRing);
  alone.remake(kRing);
  for (std::uint64_t key = 0; key < 5'000; ++key)
    ASSERT_EQ(crowd.candidates[crowd.pick(key)].address, alone.candidates[alone.pick(key)].address);
}

TEST(Ring, WeighsEachKeyAlikeOnEveryMachine) {
  // Gateways side by side send a client to the same endpoint: neither hash nor ring may ever change.
  EXPECT_EQ(hash_bytes(""), 0x48218226ff3cd4bf);
  EXPECT_EQ(hash_bytes("session-1"), 0x8491c8bdab5a793a);
  EXPECT_EQ(hash_bytes("session-1", 1), 0xe3b6ca311565d049);
  Crowd crowd(5);
  crowd.remake(kRing);
  std::string chosen;
  for (std::uint64_t key = 0; key < 12; ++key) chosen += std::to_string(crowd.pick(key));
  EXPECT_EQ(chosen, "122311334034");
}

TEST(Ring, TakesOverThePointsOfTheSameEndpoints) {
  Crowd crowd(3);
  const RingPoints points(crowd.candidates, 160);
  EXPECT_EQ(points.owners().size(), 960u);
  EXPECT_TRUE(points.made_from(crowd.candidates, 160));
  EXPECT_FALSE(points.made_from(crowd.candidates, 161));
  crowd.candidates[0].eligible = false;
  EXPECT_TRUE(points.made_from(crowd.candidates, 160));
  crowd.candidates[0].weight = 2;
  EXPECT_FALSE(points.made_from(crowd.candidates, 160));
  crowd.candidates[0].weight = 1;
  crowd.candidates[0].address += "x";
  EXPECT_FALSE(points.made_from(crowd.candidates, 160));
}

TEST(Ring, HasNoMoreThanAMillionPoints) {
  Crowd crowd(4, {100'000'000, 50'000'000, 3, 1});
  const RingPoints points(crowd.candidates, 160);
  EXPECT_LE(points.owners().size(), 1'000'002U);
  EXPECT_GE(points.owners().size(), 500'000U);
  std::vector<double> owned(4);
  for (const std::uint32_t owner : points.owners()) owned[owner] += 1;
  EXPECT_NEAR(owned[0] / owned[1], 2, 0.01);
  EXPECT_GE(owned[3], 1);
}

TEST(Ring, AFullEndpointIsPassedOverForItsNextCall) {
  Crowd crowd(4);
  crowd.config.bounded_load = 1.25;
  crowd.remake(kRing);
  const std::size_t first = crowd.pick(42);
  // ceil(1.25 * (total + 1) / 4): alone with one under way it is full.
  crowd.at(first).in_flight = 1;
  const std::size_t second = crowd.pick(42);
  EXPECT_NE(second, first);
  for (std::size_t i = 0; i < 4; ++i) crowd.at(i).in_flight = 3;  // a bound of ceil(4.06)
  EXPECT_EQ(crowd.pick(42), first);
  crowd.at(first).in_flight = 5;  // of ceil(4.69)
  EXPECT_EQ(crowd.pick(42), second);
  crowd.config.bounded_load = 0;
  crowd.remake(kRing);
  EXPECT_EQ(crowd.pick(42), first);
}

TEST(Ring, NoEndpointEverHasMoreThanItsBound) {
  Random random(3);
  for (const double bound : {1.0, 1.25, 2.0}) {
    Crowd crowd(7, {3, 1, 1, 2, 1, 1, 1});
    crowd.candidates[5].eligible = false;
    crowd.config.bounded_load = bound;
    crowd.remake(kRing);
    std::vector<std::size_t> under_way;
    for (int i = 0; i < 5'000; ++i) {
      if (under_way.size() > 40 || (!under_way.empty() && random.below(2) == 0)) {
        const std::size_t at = random.below(under_way.size());
        crowd.at(under_way[at]).in_flight -= 1;
        under_way.erase(under_way.begin() + static_cast<std::ptrdiff_t>(at));
        continue;
      }
      // One key is hot, so that there is something to bound.
      const std::size_t place = crowd.pick(random.below(2) == 0 ? 7 : random.next());
      under_way.push_back(place);
      const double most =
          std::ceil(bound * static_cast<double>(under_way.size()) * crowd.candidates[place].weight / 9);
      ASSERT_LE(++crowd.at(place).in_flight, most);
      ASSERT_NE(place, 5u);
    }
  }
}

}  // namespace
}  // namespace weir
