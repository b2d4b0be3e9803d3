#include "obs/recent.h"

#include <gtest/gtest.h>

namespace weir {
namespace {

RecentEvent saying(std::string text) {
  RecentEvent event;
  event.kind = "endpoint";
  event.text = std::move(text);
  return event;
}

TEST(RecentEvents, KeepsTheLastOnesAndNumbersThemWithoutGaps) {
  RecentEvents ring;
  for (std::size_t i = 1; i <= RecentEvents::kKept + 50; ++i) ring.add(saying(std::to_string(i)));
  const std::vector<RecentEvent> all = ring.after(0);
  ASSERT_EQ(all.size(), RecentEvents::kKept);
  EXPECT_EQ(all.front().text, "51");
  EXPECT_EQ(all.front().number, 51u);
  EXPECT_EQ(all.back().number, RecentEvents::kKept + 50);
  const std::vector<RecentEvent> fresh = ring.after(RecentEvents::kKept + 48);
  ASSERT_EQ(fresh.size(), 2u);
  EXPECT_EQ(fresh.front().number, RecentEvents::kKept + 49);
  EXPECT_TRUE(ring.after(RecentEvents::kKept + 50).empty());
}

TEST(RecentEvents, CutsLongTextsBetweenCharacters) {
  RecentEvents ring;
  ring.add(saying(std::string(RecentEvents::kTextMax - 1, 'x') + "\u00e9 and more"));
  EXPECT_EQ(ring.after(0).front().text, std::string(RecentEvents::kTextMax - 1, 'x'));
  ring.add(saying(std::string(RecentEvents::kTextMax, 'x')));
  EXPECT_EQ(ring.after(1).front().text.size(), RecentEvents::kTextMax);
}

TEST(RecentEvents, TellsWhoeverListens) {
  RecentEvents ring;
  int told = 0;
  ring.add(saying("before"));
  ring.listen([&told] { ++told; });
  ring.add(saying("one"));
  ring.add(saying("two"));
  ring.listen({});
  ring.add(saying("after"));
  EXPECT_EQ(told, 2);
}

}  // namespace
}  // namespace weir
