#include "base/buffer_budget.h"

#include <gtest/gtest.h>

#include <memory>

namespace weir {
namespace {

using Lease = BufferBudget::Lease;

TEST(BufferBudget, HalfOfItForOneClient) {
  BufferBudget budget;
  budget.set_limit(100);
  auto first = std::make_unique<Lease>(&budget, "a");
  EXPECT_TRUE(first->grow_to(30));
  EXPECT_TRUE(first->grow_to(20)) << "it holds as much already";
  EXPECT_EQ(budget.held(), 30u);
  Lease second(&budget, "a");
  EXPECT_FALSE(second.grow_to(21));
  EXPECT_TRUE(second.grow_to(20));
  EXPECT_FALSE(second.grow_to(21));
  Lease other(&budget, "b");
  EXPECT_TRUE(other.grow_to(50));
  Lease late(&budget, "c");
  EXPECT_FALSE(late.grow_to(1)) << "all of it is held";
  first.reset();
  EXPECT_EQ(budget.held(), 70u);
  EXPECT_TRUE(late.grow_to(30));
  EXPECT_EQ(budget.held(), 100u);
}

TEST(BufferBudget, TheFirstOfAClientMayBeLarger) {
  BufferBudget budget;
  budget.set_limit(100);
  {
    Lease one(&budget, "a");
    EXPECT_TRUE(one.grow_to(90));
    Lease two(&budget, "a");
    EXPECT_FALSE(two.grow_to(1));
  }
  EXPECT_EQ(budget.held(), 0u);
  budget.set_limit(10);
  Lease one(&budget, "a");
  EXPECT_FALSE(one.grow_to(11));
}

TEST(BufferBudget, WithoutOneNothingIsCounted) {
  Lease one;
  EXPECT_TRUE(one.grow_to(1 << 30));
  Lease two(nullptr, "a");
  EXPECT_TRUE(two.grow_to(1 << 30));
}

}  // namespace
}  // namespace weir
