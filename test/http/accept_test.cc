#include "http/accept.h"

#include <gtest/gtest.h>

namespace weir {
namespace {

TEST(Accept, TheMostSpecificRangeDecides) {
  const auto json = [](std::string_view accept) { return accepts(accept, "application/json"); };
  for (const char* taken :
       {"", " ", "*/*", "application/*", "application/json", "APPLICATION/JSON",
        "text/html, application/json", "application/json;q=0.001", "*/*;q=0, application/json",
        "application/*;q=0,application/json;q=1", "text/html;a=\",\\\"\",application/json",
        "application/json;q=0, application/json;v=1"})
    EXPECT_TRUE(json(taken)) << taken;
  for (const char* refused :
       {"text/html", "application/json;q=0", "application/json ; q=0.000", "*/*;q=0", "application/jsonp",
        "xapplication/json", "application/*;q=0, */*", "text/html;a=\"application/json\"",
        "\"application/json\"", "application", "*", "text/*"})
    EXPECT_FALSE(json(refused)) << refused;
}

TEST(Accept, BareTypes) {
  EXPECT_EQ(bare_type("application/json\t;\tcharset=utf-8"), "application/json");
  EXPECT_EQ(bare_type(" a/b "), "a/b");
  EXPECT_EQ(bare_type("a/b c"), "a/b c");
}

}  // namespace
}  // namespace weir
