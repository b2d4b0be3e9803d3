#include "gateway/sessions.h"

#include <gtest/gtest.h>

namespace weir {
namespace {

using std::chrono::minutes;

const TimePoint kStart{std::chrono::hours(1000)};

std::shared_ptr<Session> open_one(Sessions& sessions, std::string owner) {
  auto draft = std::make_shared<Session>();
  draft->owner = std::move(owner);
  draft->path = "/mcp";
  return sessions.open(std::move(draft), kStart);
}

TEST(Sessions, EndWhenUnusedForAnHour) {
  Sessions sessions(Sessions::Options{});
  const auto quiet = open_one(sessions, "quiet");
  const auto asking = open_one(sessions, "asking");
  const auto listening = open_one(sessions, "listening");
  ASSERT_TRUE(quiet && asking && listening);
  const TimePoint later = kStart + minutes(50);
  EXPECT_EQ(sessions.find(asking->id, "asking", "/mcp", later), asking);
  listening->touch(later);  // its stream is read: no request comes
  EXPECT_EQ(sessions.peek(quiet->id), quiet);
  EXPECT_TRUE(sessions.sweep(kStart + minutes(60)).empty());
  const auto ended = sessions.sweep(kStart + minutes(61));
  ASSERT_EQ(ended.size(), 1u);
  EXPECT_EQ(ended[0], quiet);
  EXPECT_EQ(sessions.size(), 2u);
  EXPECT_EQ(sessions.sweep(later + minutes(61)).size(), 2u);
}

TEST(Sessions, OneOwnerHasNoMoreThanItsShare) {
  Sessions::Options options;
  options.count_max = 5;
  options.owner_max = 3;
  Sessions sessions(options);
  std::vector<std::shared_ptr<Session>> own;
  for (int i = 0; i < 3; ++i) own.push_back(open_one(sessions, "greedy"));
  EXPECT_EQ(open_one(sessions, "greedy"), nullptr);
  EXPECT_NE(open_one(sessions, "other"), nullptr);
  // What ends by either way makes room.
  EXPECT_EQ(sessions.close(own[0]->id, "greedy", "/mcp", kStart), own[0]);
  EXPECT_NE(open_one(sessions, "greedy"), nullptr);
  EXPECT_EQ(open_one(sessions, "greedy"), nullptr);
  EXPECT_EQ(sessions.sweep(kStart + minutes(61)).size(), 4u);
  for (int i = 0; i < 3; ++i) EXPECT_NE(open_one(sessions, "greedy"), nullptr);
  EXPECT_NE(open_one(sessions, "a"), nullptr);
  EXPECT_NE(open_one(sessions, "b"), nullptr);
  EXPECT_EQ(open_one(sessions, "c"), nullptr) << "there are as many as may be in all";
}

}  // namespace
}  // namespace weir
