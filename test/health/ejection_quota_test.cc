#include "health/ejection_quota.h"

#include <gtest/gtest.h>

#include <atomic>
#include <thread>
#include <vector>

namespace weir {
namespace {

int eject_all(EjectionQuota& quota) {
  int ejected = 0;
  while (ejected < 1000 && quota.eject()) ++ejected;
  return ejected;
}

TEST(EjectionQuota, CallsTakeOutAShareOneAlwaysNeverTheOnlyOne) {
  struct Case {
    std::size_t endpoints;
    double share;
    int wanted;
  };
  for (const Case& c : {Case{1, 0.5, 0}, Case{1, 1.0, 0}, Case{2, 0.5, 1}, Case{3, 0.5, 1}, Case{4, 0.5, 2},
                        Case{5, 0.0, 1}, Case{100, 0.29, 29}, Case{3, 1.0, 3}, Case{0, 1.0, 0}}) {
    EjectionQuota quota;
    quota.set(c.endpoints, c.share);
    EXPECT_EQ(eject_all(quota), c.wanted) << c.endpoints << " " << c.share;
    EXPECT_EQ(quota.out(), static_cast<std::size_t>(c.wanted));
  }
}

TEST(EjectionQuota, UnsetItRefusesAll) {
  EjectionQuota quota;
  EXPECT_FALSE(quota.eject());
  EXPECT_FALSE(quota.rule_out());
}

TEST(EjectionQuota, TheLastOneIsNotRuledOut) {
  EjectionQuota quota;
  quota.set(3, 0.5);
  EXPECT_TRUE(quota.rule_out());
  EXPECT_TRUE(quota.eject());
  EXPECT_FALSE(quota.rule_out());
  quota.restore();
  EXPECT_TRUE(quota.rule_out());
  EXPECT_FALSE(quota.eject());
  quota.rule_in();
  EXPECT_TRUE(quota.eject());
}

TEST(EjectionQuota, WhatIsLostNeedsNoLeaveButLeavesOthersLast) {
  EjectionQuota quota;
  quota.set(2, 0.5);
  quota.lost();
  EXPECT_FALSE(quota.rule_out());
  EXPECT_FALSE(quota.eject());
  quota.lost();
  EXPECT_EQ(quota.out(), 2u);
  quota.found();
  quota.found();
  EXPECT_TRUE(quota.eject());
}

TEST(EjectionQuota, AReloadKeepsWhoIsOut) {
  EjectionQuota quota;
  quota.set(4, 0.5);
  EXPECT_EQ(eject_all(quota), 2);
  quota.set(2, 0.5);
  EXPECT_EQ(quota.out(), 2u);
  quota.restore();
  EXPECT_FALSE(quota.eject());
  quota.set(6, 0.5);
  EXPECT_EQ(eject_all(quota), 2);
}

TEST(EjectionQuota, ThreadsNeverExceedIt) {
  EjectionQuota quota;
  quota.set(4, 0.5);
  std::atomic<int> ejected{0};
  std::atomic<int> out{0};
  std::atomic<int> wrong{0};
  std::vector<std::thread> threads;
  for (int t = 0; t < 4; ++t)
    threads.emplace_back([&, t] {
      for (int i = 0; i < 20000; ++i) {
        const bool calls = (i + t) % 2 == 0;
        if (!(calls ? quota.eject() : quota.rule_out())) continue;
        if (out.fetch_add(1) >= 3) wrong.fetch_add(1);
        if (calls && ejected.fetch_add(1) >= 2) wrong.fetch_add(1);
        if (calls) ejected.fetch_sub(1);
        out.fetch_sub(1);
        calls ? quota.restore() : quota.rule_in();
      }
    });
  for (std::thread& thread : threads) thread.join();
  EXPECT_EQ(wrong.load(), 0);
  EXPECT_EQ(quota.out(), 0u);
}

}  // namespace
}  // namespace weir
