#include "balance/least.h"

#include <gtest/gtest.h>

#include <algorithm>

#include "balance/crowd.h"

namespace weir {
namespace {

constexpr auto kLeast = LoadBalancingConfig::Strategy::least_connections;

TEST(LeastConnections, TakesTheOneWithTheFewestForItsWeight) {
  Crowd crowd(3, {1, 2, 4});
  crowd.remake(kLeast);
  crowd.at(0).in_flight = 2;  // 2
  crowd.at(1).in_flight = 3;  // 1.5
  crowd.at(2).in_flight = 7;  // 1.75
  for (int i = 0; i < 20; ++i) ASSERT_EQ(crowd.pick(), 1u);
  crowd.candidates[1].eligible = false;
  crowd.remake(kLeast);
  for (int i = 0; i < 20; ++i) ASSERT_EQ(crowd.pick(), 2u);
}

TEST(LeastConnections, IdleOnesShareByWeight) {
  Crowd crowd(4, {1, 2, 4, 1});
  crowd.candidates[3].eligible = false;
  crowd.remake(kLeast);
  const std::vector<double> shares = crowd.shares(70'000);
  EXPECT_NEAR(shares[0], 1 / 7.0, 0.01);
  EXPECT_NEAR(shares[1], 2 / 7.0, 0.01);
  EXPECT_NEAR(shares[2], 4 / 7.0, 0.01);
  EXPECT_EQ(shares[3], 0);
}

TEST(LeastConnections, EqualsAreDrawnFromWhereverTheyStand) {
  Crowd crowd(3);
  crowd.remake(kLeast);
  crowd.at(0).in_flight = 2;
  crowd.at(1).in_flight = 1;
  crowd.at(2).in_flight = 1;
  const std::vector<double> shares = crowd.shares(10'000);
  EXPECT_EQ(shares[0], 0);
  EXPECT_NEAR(shares[1], 0.5, 0.02);
}

TEST(LeastConnections, FindsAHungEndpointInOneCall) {
  Crowd crowd(3);
  crowd.remake(kLeast);
  crowd.at(1).in_flight = 1;
  EXPECT_EQ(crowd.shares(1'000)[1], 0);
}

TEST(LeastConnections, OfManyTheBetterOfTwoIsTaken) {
  Crowd crowd(40);
  crowd.remake(kLeast);
  // As balls into bins: with two choices the fullest is one or two above the mean, with one it would be many.
  std::vector<int> most(2);
  for (int round = 0; round < 4'000; ++round) crowd.at(crowd.pick()).in_flight += 1;
  for (std::size_t i = 0; i < 40; ++i) EXPECT_NEAR(crowd.at(i).in_flight, 100, 4);
}

TEST(LeastConnections, OfManyIdleOnesWeightsDecide) {
  Crowd crowd(20, {11});
  crowd.remake(kLeast);
  const std::vector<double> shares = crowd.shares(60'000);
  EXPECT_NEAR(shares[0], 11 / 30.0, 0.01);
  EXPECT_NEAR(shares[7], 1 / 30.0, 0.005);
}

TEST(LeastConnections, UnderWayTheWeightsHold) {
  Crowd crowd(3, {1, 2, 3});
  crowd.remake(kLeast);
  for (int i = 0; i < 60; ++i) crowd.at(crowd.pick()).in_flight += 1;
  EXPECT_EQ(crowd.at(0).in_flight, 10u);
  EXPECT_EQ(crowd.at(1).in_flight, 20u);
  EXPECT_EQ(crowd.at(2).in_flight, 30u);
}

}  // namespace
}  // namespace weir
