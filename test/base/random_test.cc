#include "base/random.h"

#include <gtest/gtest.h>

#include <cmath>
#include <set>
#include <vector>

namespace weir {
namespace {

TEST(Random, FollowsThePublishedSequence) {
  Random random(Random::State{1, 2, 3, 4});
  for (std::uint64_t expected :
       {11520ull, 0ull, 1509978240ull, 1215971899390074240ull, 1216172134540287360ull, 607988272756665600ull})
    EXPECT_EQ(random.next(), expected);
}

TEST(Random, RepeatsBySeedAndDiffersBetweenNearSeeds) {
  Random one(7), again(7), other(8);
  int equal = 0;
  for (int i = 0; i < 1000; ++i) {
    const std::uint64_t value = one.next();
    EXPECT_EQ(value, again.next());
    equal += value == other.next();
  }
  EXPECT_EQ(equal, 0);
}

TEST(Random, SystemStreamsDiffer) {
  std::set<std::uint64_t> firsts;
  for (int i = 0; i < 64; ++i) firsts.insert(Random::from_system().next());
  EXPECT_EQ(firsts.size(), 64u);
}

TEST(Random, BelowIsEvenForAwkwardBounds) {
  Random random(1);
  for (std::uint64_t bound : {1ull, 2ull, 3ull, 7ull, 10ull, 96ull}) {
    std::vector<int> counts(bound);
    const int draws = 20000 * static_cast<int>(bound);
    for (int i = 0; i < draws; ++i) {
      const std::uint64_t value = random.below(bound);
      ASSERT_LT(value, bound);
      ++counts[value];
    }
    for (int count : counts) EXPECT_NEAR(count, 20000, 6 * std::sqrt(20000.0)) << bound;
  }
}

TEST(Random, BelowRejectsTheSurplusOfAHugeBound) {
  // Of 3 * 2^62 values a plain multiply would give every third one twice as often.
  Random random(2);
  const std::uint64_t bound = 3ull << 62;
  int thirds[3] = {};
  for (int i = 0; i < 30000; ++i) ++thirds[random.below(bound) % 3];
  for (int count : thirds) EXPECT_NEAR(count, 10000, 500);
}

TEST(Random, BetweenReachesBothEnds) {
  Random random(3);
  std::set<std::uint64_t> seen;
  for (int i = 0; i < 200; ++i) seen.insert(random.between(5, 8));
  EXPECT_EQ(seen, (std::set<std::uint64_t>{5, 6, 7, 8}));
  EXPECT_EQ(random.between(9, 9), 9u);
  EXPECT_NE(random.between(0, Random::max()), random.between(0, Random::max()));
}

TEST(Random, UnitStaysBelowOne) {
  Random random(4);
  double sum = 0;
  for (int i = 0; i < 100000; ++i) {
    const double value = random.unit();
    ASSERT_GE(value, 0.0);
    ASSERT_LT(value, 1.0);
    sum += value;
  }
  EXPECT_NEAR(sum / 100000, 0.5, 0.01);
}

TEST(Random, FillWritesEveryByteAndNoMore) {
  for (std::size_t size : {0u, 1u, 7u, 8u, 9u, 31u}) {
    std::vector<unsigned> ored(size);
    Random random(5);
    for (int round = 0; round < 64; ++round) {
      std::vector<std::byte> bytes(size + 1, std::byte{0});
      random.fill(std::span(bytes).first(size));
      EXPECT_EQ(bytes[size], std::byte{0});
      for (std::size_t i = 0; i < size; ++i) ored[i] |= static_cast<unsigned>(bytes[i]);
    }
    for (unsigned bits : ored) EXPECT_EQ(bits, 0xffu) << size;
  }
}

}  // namespace
}  // namespace weir
