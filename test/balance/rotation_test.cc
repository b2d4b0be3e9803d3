#include "balance/rotation.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <map>

#include "balance/crowd.h"

namespace weir {
namespace {

using Strategy = LoadBalancingConfig::Strategy;

std::string picks(Crowd& crowd, std::size_t times) {
  std::string places;
  for (std::size_t i = 0; i < times; ++i) places += std::to_string(crowd.pick());
  return places;
}

TEST(RoundRobin, TakesTheEligibleInTurn) {
  Crowd crowd(4);
  crowd.candidates[1].eligible = false;
  crowd.remake(Strategy::round_robin);
  EXPECT_EQ(picks(crowd, 7), "0230230");
}

TEST(RoundRobin, LooksAtNoWeights) {
  Crowd crowd(2, {1, 5});
  crowd.remake(Strategy::round_robin);
  EXPECT_EQ(picks(crowd, 4), "0101");
}

TEST(RoundRobin, GoesOnWhereThePickerBeforeWas) {
  Crowd crowd(4);
  crowd.remake(Strategy::round_robin);
  EXPECT_EQ(picks(crowd, 2), "01");
  crowd.candidates[2].eligible = false;
  crowd.remake(Strategy::round_robin);
  EXPECT_EQ(picks(crowd, 2), "30");
  crowd.candidates[2].eligible = true;
  crowd.remake(Strategy::round_robin);
  crowd.remake(Strategy::round_robin);  // a change that nothing was picked before
  EXPECT_EQ(picks(crowd, 2), "12");
  crowd.candidates.erase(crowd.candidates.begin());
  crowd.remake(Strategy::round_robin);  // places have moved, addresses have not
  EXPECT_EQ(crowd.candidates[crowd.pick()].address, "http://10.0.0.3:8080/mcp");
}

TEST(WeightedRoundRobin, IsInterleavedAsNginxDoes) {
  Crowd crowd(3, {5, 1, 1});
  crowd.remake(Strategy::weighted_round_robin);
  EXPECT_EQ(picks(crowd, 14), "00102000010200");
}

TEST(WeightedRoundRobin, GoesOnWhereThePickerBeforeWas) {
  Crowd crowd(3, {5, 1, 1});
  crowd.remake(Strategy::weighted_round_robin);
  std::string all;
  for (int i = 0; i < 7; ++i) {
    all += picks(crowd, 1);
    crowd.remake(Strategy::weighted_round_robin);
  }
  EXPECT_EQ(all, "0010200");
}

TEST(WeightedRoundRobin, ReducesWeightsToLowestTerms) {
  Crowd crowd(2, {2'000'000, 1'000'000});
  crowd.remake(Strategy::weighted_round_robin);
  for (int i = 0; i < 3'000; ++i) ASSERT_EQ(picks(crowd, 3), "010") << i;
}

TEST(WeightedRoundRobin, NoRunIsLongerThanItMustBe) {
  Random random(7);
  for (int round = 0; round < 50; ++round) {
    std::vector<Member> members;
    std::uint64_t total = 0;
    for (std::uint64_t n = random.between(2, 9); n > 0; --n) {
      members.push_back({nullptr, 0, static_cast<std::uint32_t>(random.between(1, 30))});
      total += members.back().weight;
    }
    const std::vector<std::uint32_t> schedule = smooth_schedule(members);
    ASSERT_EQ(schedule.size(), total);
    for (std::uint32_t i = 0; i < members.size(); ++i) {
      const std::uint64_t others = total - members[i].weight;
      const std::uint64_t most = (members[i].weight + others - 1) / others + 1;
      std::uint64_t run = 0, longest = 0;
      for (std::size_t at = 0; at < 2 * schedule.size(); ++at) {
        run = schedule[at % schedule.size()] == i ? run + 1 : 0;
        longest = std::max(longest, run);
      }
      EXPECT_LE(longest, most) << "weight " << members[i].weight << " of " << total;
      EXPECT_EQ(std::count(schedule.begin(), schedule.end(), i), members[i].weight);
    }
  }
}

TEST(WeightedRoundRobin, ScalesLargeWeightsDown) {
  const std::vector<std::uint32_t> weights = {1'000'003, 499'979, 70'001, 1};
  std::vector<Member> members;
  double total = 0;
  for (const std::uint32_t weight : weights) {
    members.push_back({nullptr, 0, weight});
    total += weight;
  }
  const std::vector<std::uint32_t> schedule = smooth_schedule(members);
  EXPECT_LE(schedule.size(), 4096u);
  for (std::uint32_t i = 0; i < weights.size(); ++i) {
    const auto count = static_cast<double>(std::count(schedule.begin(), schedule.end(), i));
    EXPECT_GT(count, 0);
    EXPECT_NEAR(count / static_cast<double>(schedule.size()), weights[i] / total, 0.005);
  }
}

TEST(RandomChoice, FollowsWeights) {
  Crowd crowd(5, {8, 4, 6, 1, 1});
  crowd.candidates[1].eligible = false;
  crowd.remake(Strategy::random);
  const std::vector<double> shares = crowd.shares(120'000);
  const double wanted[] = {8 / 16.0, 0, 6 / 16.0, 1 / 16.0, 1 / 16.0};
  for (std::size_t i = 0; i < 5; ++i) EXPECT_NEAR(shares[i], wanted[i], 0.005) << i;
}

}  // namespace
}  // namespace weir
