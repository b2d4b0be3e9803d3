#include "http/idle_list.h"

#include <gtest/gtest.h>

namespace weir {
namespace {

struct Idle {
  explicit Idle(const char* address) : place(address, scope) {}
  CancelScope scope;
  IdleList::Place place;
};

TEST(IdleList, WhoWasNotServedYetMakesRoomFirst) {
  IdleList list;
  Idle served("a");
  Idle older("b");
  Idle younger("b");
  served.place.note_served();
  served.place.enter(list);
  older.place.enter(list);
  younger.place.enter(list);
  EXPECT_TRUE(list.shed_oldest());
  EXPECT_TRUE(older.scope.cancelled());
  EXPECT_TRUE(list.shed_oldest());
  EXPECT_TRUE(younger.scope.cancelled());
  EXPECT_FALSE(served.scope.cancelled());
  EXPECT_TRUE(list.shed_oldest());
  EXPECT_TRUE(served.scope.cancelled());
  EXPECT_FALSE(list.shed_oldest());
}

TEST(IdleList, OfAnAddressItsOwnOnly) {
  IdleList list;
  Idle other("a");
  Idle served("b");
  Idle fresh("b");
  served.place.note_served();
  other.place.enter(list);
  served.place.enter(list);
  fresh.place.enter(list);
  EXPECT_TRUE(list.shed_oldest_of("b"));
  EXPECT_TRUE(fresh.scope.cancelled());
  EXPECT_TRUE(list.shed_oldest_of("b"));
  EXPECT_TRUE(served.scope.cancelled());
  EXPECT_FALSE(list.shed_oldest_of("b"));
  EXPECT_FALSE(other.scope.cancelled());
}

TEST(IdleList, ForMemoryWhoHasHalfAHeaderGoes) {
  IdleList list;
  std::atomic<std::uint64_t> count{0};
  list.count_in(count);
  Idle quiet("a");
  Idle served("a");
  Idle fresh("b");
  Idle body("b");
  served.place.note_served();
  quiet.place.enter(list);
  body.place.enter(list, IdleList::Wait::body);
  served.place.enter(list, IdleList::Wait::head);
  fresh.place.enter(list, IdleList::Wait::head);
  EXPECT_TRUE(list.shed_half_head());
  EXPECT_TRUE(fresh.scope.cancelled());
  EXPECT_TRUE(list.shed_half_head());
  EXPECT_TRUE(served.scope.cancelled());
  EXPECT_FALSE(list.shed_half_head());
  EXPECT_FALSE(quiet.scope.cancelled() || body.scope.cancelled());
  EXPECT_EQ(count, 2U);
}

TEST(IdleList, WhoWaitsAgainIsTheYoungest) {
  IdleList list;
  Idle one("a");
  Idle two("a");
  one.place.enter(list);
  two.place.enter(list);
  one.place.leave();
  one.place.enter(list);
  EXPECT_TRUE(list.shed_oldest());
  EXPECT_TRUE(two.scope.cancelled());
  EXPECT_FALSE(one.scope.cancelled());
}

}  // namespace
}  // namespace weir
