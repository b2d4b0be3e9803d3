#include "gateway/tasks.h"

#include <gtest/gtest.h>

#include "gateway/event_text.h"
#include "mcp/client_tasks.h"
#include "mcp/task_ids.h"

namespace weir {
namespace {

using std::chrono::hours;

TaskPlace at(std::string server, std::string original) {
  TaskPlace place;
  place.server = std::move(server);
  place.original = std::move(original);
  return place;
}
constexpr TimePoint kNow{hours(1000)};

TEST(Tasks, AnIdStaysUnlessItsOwnerKnowsAnotherByIt) {
  Tasks tasks;
  EXPECT_EQ(tasks.add("s:one", at("a", "1"), {}, kNow), "1");
  EXPECT_EQ(tasks.add("s:one", at("b", "1"), {}, kNow), "b:1");
  EXPECT_EQ(tasks.add("s:two", at("b", "1"), {}, kNow), "1");
  EXPECT_EQ(tasks.add("s:one", at("b", "1"), {}, kNow), "b:1");  // told twice, one task
  EXPECT_EQ(tasks.add("s:one", at("a", "b:1"), {}, kNow), "a:b:1");
  EXPECT_EQ(tasks.size(), 4U);
  const auto found = tasks.find("s:one", "b:1", kNow);
  ASSERT_TRUE(found);
  EXPECT_EQ(found->server + '/' + found->original, "b/1");
  EXPECT_EQ(tasks.known_as("s:one", "a", "b:1"), "a:b:1");
}

TEST(Tasks, NobodyElseFindsIt) {
  Tasks tasks;
  tasks.add("s:one", at("a", "1"), {}, kNow);
  EXPECT_FALSE(tasks.find("s:two", "1", kNow));
  EXPECT_FALSE(tasks.find("c:one", "1", kNow));
  EXPECT_FALSE(tasks.find("s:one", "2", kNow));
  EXPECT_EQ(tasks.known_as("s:two", "a", "1"), "");
  EXPECT_TRUE(tasks.owners("a", "2").empty());
  tasks.add("s:two", at("a", "1"), {}, kNow);
  EXPECT_EQ(tasks.owners("a", "1").size(), 2U);
  tasks.forget("s:one");
  ASSERT_EQ(tasks.owners("a", "1").size(), 1U);
  EXPECT_EQ(tasks.owners("a", "1")[0].first, "s:two");
  EXPECT_TRUE(tasks.servers_of("s:one").empty());
}

TEST(Tasks, WhoeverIsNotAskedAboutIsForgotten) {
  Tasks tasks;
  tasks.add("s:one", at("a", "brief"), std::chrono::seconds(1), kNow);
  tasks.add("s:one", at("a", "usual"), {}, kNow);
  tasks.add("s:one", at("a", "endless"), hours(100'000), kNow);
  EXPECT_FALSE(tasks.find("s:one", "brief", kNow + hours(1)));
  EXPECT_TRUE(tasks.find("s:one", "usual", kNow + hours(5)));
  EXPECT_TRUE(tasks.find("s:one", "usual", kNow + hours(10)));  // it was asked about
  tasks.sweep(kNow + hours(24));
  EXPECT_EQ(tasks.size(), 0U);
}

TEST(Tasks, TheOnesLeastAskedAboutMakeRoom) {
  Tasks::Bounds bounds;
  bounds.count_max = 3;
  bounds.owner_max = 2;
  Tasks tasks(bounds);
  tasks.add("s:one", at("a", "1"), {}, kNow);
  tasks.add("s:one", at("a", "2"), {}, kNow + hours(1));
  EXPECT_TRUE(tasks.find("s:one", "1", kNow + hours(2)));
  tasks.add("s:one", at("a", "3"), {}, kNow + hours(3));
  EXPECT_FALSE(tasks.find("s:one", "2", kNow + hours(3)));
  tasks.add("s:two", at("a", "1"), {}, kNow + hours(3));
  tasks.add("s:two", at("a", "2"), {}, kNow + hours(3));
  EXPECT_EQ(tasks.size(), 3U);
  EXPECT_FALSE(tasks.find("s:one", "1", kNow + hours(3)));
}

std::string edited(std::string_view text) { return with_task_ids(std::string(text), "1", "b:1"); }

TEST(TaskIds, AreMadeOthersWhereverAMessageHasThem) {
  EXPECT_EQ(edited(R"({"jsonrpc":"2.0","id":1,"result":{"task":{"taskId":"1","x":1.0}}})"),
            R"({"jsonrpc":"2.0","id":1,"result":{"task":{"taskId":"b:1","x":1.0}}})");
  EXPECT_EQ(edited(R"({"jsonrpc":"2.0","id":1,"result":{"taskId":"1"}})"),
            R"({"jsonrpc":"2.0","id":1,"result":{"taskId":"b:1"}})");
  EXPECT_EQ(
      edited(
          R"({"jsonrpc":"2.0","id":1,"result":{"_meta":{"io.modelcontextprotocol/related-task":{"taskId":"1"}}}})"),
      R"({"jsonrpc":"2.0","id":1,"result":{"_meta":{"io.modelcontextprotocol/related-task":{"taskId":"b:1"}}}})");
  EXPECT_EQ(edited(R"({"jsonrpc":"2.0","method":"notifications/tasks/status","params":{"taskId":"1"}})"),
            R"({"jsonrpc":"2.0","method":"notifications/tasks/status","params":{"taskId":"b:1"}})");
  EXPECT_EQ(
      edited(
          R"({"jsonrpc":"2.0","id":2,"method":"m","params":{"_meta":{"io.modelcontextprotocol/related-task":{"taskId":"1"}}}})"),
      R"({"jsonrpc":"2.0","id":2,"method":"m","params":{"_meta":{"io.modelcontextprotocol/related-task":{"taskId":"b:1"}}}})");
  const std::string other = R"({"jsonrpc":"2.0","id":1,"result":{"taskId":"2"}})";
  EXPECT_EQ(edited(other), other);
}

// What a server writes by escapes does not get past the names that are Weir's to give.
TEST(TaskIds, AListenerIsToldOfOneTaskInOneSubscription) {
  const std::string text =
      R"({"jsonrpc":"2.0","method":"notifications/tasks","params":{"task\u0049d":"1","\u005fmeta":{"x":1},"status":"working"}})";
  const auto message = Message::index(Bytes::copy_of(text), JsonLimits(), Message::From::upstream);
  ASSERT_TRUE(message);
  EXPECT_EQ(
      task_for_listener(*message, "b:1", "7"),
      R"({"jsonrpc":"2.0","method":"notifications/tasks","params":{"_meta":{"io.modelcontextprotocol/subscriptionId":7},"taskId":"b:1","status":"working"}})");
}

TEST(TaskIds, WhatIsAskedForAsATaskIsTakenOutHoweverItIsWritten) {
  const std::string text = R"({"jsonrpc":"2.0","id":1,"method":"m","params":{"t\u0061sk":{},"x":1}})";
  const auto message = Message::index(Bytes::copy_of(text), JsonLimits(), Message::From::upstream);
  ASSERT_TRUE(message && wants_task(*message));
  EXPECT_EQ(without_task(*message), R"({"jsonrpc":"2.0","id":1,"method":"m","params":{"x":1}})");
}

TEST(TaskIds, TheExtensionIsTakenOutOfWhatAClientDeclares) {
  EXPECT_EQ(without_tasks(R"({"extensions":{"io.modelcontextprotocol/tasks":{},"x/y":{}},"roots":{}})"),
            R"({"extensions":{"x/y":{}},"roots":{}})");
  EXPECT_EQ(without_tasks(R"({"roots":{}})"), R"({"roots":{}})");
  EXPECT_EQ(without_tasks(R"({"extensions":{"io.modelcontextprotocol\/tasks":{}}})"), R"({"extensions":{}})");
}

TEST(TaskIds, ACreatedTaskIsReadAsItsEraWritesIt) {
  const auto read = [](std::string_view result, bool new_era) {
    const std::string text = R"({"jsonrpc":"2.0","id":1,"result":)" + std::string(result) + '}';
    const auto message = Message::index(Bytes::copy_of(text), JsonLimits(), Message::From::upstream);
    return created_task(*message, new_era);
  };
  const auto old_one = read(R"({"task":{"taskId":"x","ttl":60000}})", false);
  ASSERT_TRUE(old_one);
  EXPECT_EQ(old_one->id, "x");
  EXPECT_EQ(old_one->ttl, std::chrono::seconds(60));
  EXPECT_TRUE(read(R"({"resultType":"task","taskId":"x","ttlMs":null})", true)->ttl > hours(24));
  EXPECT_FALSE(read(R"({"task":{"taskId":"x"}})", true));
  EXPECT_FALSE(read(R"({"resultType":"complete","taskId":"x"})", true));
  EXPECT_FALSE(read(R"({"task":{"taskId":7}})", false));
}

}  // namespace
}  // namespace weir
