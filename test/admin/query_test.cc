#include "admin/query.h"

#include <gtest/gtest.h>

namespace weir {
namespace {

TEST(Query, GivesTheFirstMemberOfAName) {
  EXPECT_EQ(query_of("/explain?tool=a%20b&tool=c", "tool"), "a b");
  EXPECT_EQ(query_of("/explain?x=1&tool", "tool"), "");
  EXPECT_EQ(query_of("/explain?tool=a=b", "tool"), "a=b");
  EXPECT_EQ(query_of("/explain?tools=a", "tool"), std::nullopt);
  EXPECT_EQ(query_of("/explain", "tool"), std::nullopt);
}

// What is asked for is said again in answers, which are JSON.
TEST(Query, WhatIsNoTextIsNone) {
  EXPECT_EQ(query_of("/explain?tool=%FF", "tool"), std::nullopt);
  EXPECT_EQ(query_of("/explain?tool=%ED%A0%80", "tool"), std::nullopt);
  EXPECT_EQ(query_of("/explain?tool=%c3%a9", "tool"), "\xC3\xA9");
  EXPECT_EQ(query_of("/explain?tool=%4", "tool"), std::nullopt);
}

}  // namespace
}  // namespace weir
