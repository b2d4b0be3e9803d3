#include "http/body_budget.h"

#include <gtest/gtest.h>

#include <memory>

namespace weir {
namespace {

using Lease = BodyBudget::Lease;

TEST(BodyBudget, HalfOfItForOneAddress) {
  BodyBudget budget;
  budget.set_limit(100);
  auto first = std::make_unique<Lease>();
  EXPECT_TRUE(first->grow_to(budget, "a", 30));
  EXPECT_TRUE(first->grow_to(budget, "a", 20)) << "it holds as much already";
  EXPECT_EQ(budget.held(), 30u);
  Lease second;
  EXPECT_FALSE(second.grow_to(budget, "a", 21));
  EXPECT_TRUE(second.grow_to(budget, "a", 20));
  EXPECT_FALSE(second.grow_to(budget, "a", 21));
  Lease other;
  EXPECT_TRUE(other.grow_to(budget, "b", 50));
  Lease late;
  EXPECT_FALSE(late.grow_to(budget, "c", 1)) << "all of it is held";
  first.reset();
  EXPECT_EQ(budget.held(), 70u);
  EXPECT_TRUE(late.grow_to(budget, "c", 30));
  EXPECT_EQ(budget.held(), 100u);
}

TEST(BodyBudget, TheFirstOfAnAddressMayBeLarger) {
  BodyBudget budget;
  budget.set_limit(100);
  {
    Lease one;
    EXPECT_TRUE(one.grow_to(budget, "a", 90));
    Lease two;
    EXPECT_FALSE(two.grow_to(budget, "a", 1));
  }
  EXPECT_EQ(budget.held(), 0u);
  budget.set_limit(10);
  Lease one;
  EXPECT_FALSE(one.grow_to(budget, "a", 11));
}

}  // namespace
}  // namespace weir
