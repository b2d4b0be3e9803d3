// One wire for many calls: where a server's questions go, and what wins when two things happen at once.
#include "transport/conversation.h"

#include <gtest/gtest.h>

#include "runtime/nursery.h"
#include "sim/sim_world.h"

namespace weir {
namespace {

using std::chrono::milliseconds;
using std::chrono::seconds;

struct Sink final : Conversation::Wire {
  bool put(std::string_view message, std::string_view) override {
    written.emplace_back(message);
    return true;
  }
  std::uint64_t batch() const noexcept override { return written.size() + 1; }
  std::vector<std::string> written;
};

Message message_of(std::string_view text) {
  auto message = Message::index(Bytes::copy_of(text), JsonLimits(), Message::From::upstream);
  return std::move(*message);
}

const std::string kQuestion =
    R"({"jsonrpc":"2.0","id":9,"method":"elicitation/create","params":{"message":"m"}})";
std::string response(const std::string& id) { return R"({"jsonrpc":"2.0","id":)" + id + R"(,"result":{}})"; }

std::string kind_of(const Message& message) {
  if (message.is_request()) return "question";
  return message.is_response() ? "response" : std::string(message.method());
}

struct World {
  Sink sink;
  int strays = 0;
  std::string log_level;
  std::string session;
  bool own_session = false;
  bool answers = false;  // at once; else a question is passed on when its call has ended
  std::shared_ptr<Conversation> talk = std::make_shared<Conversation>(
      sink, 1000, [this](Message, const std::shared_ptr<ServerLink>&) { ++strays; });
  Peer peer;
  World() { peer.facts.revision = Revision::v2025_11_25; }

  // A call under this id; everything that came for it, in order.
  Task<void> call(std::string id, TimePoint first_by, std::vector<std::string>& seen) {
    const Message request =
        message_of(R"({"jsonrpc":"2.0","id":1,"method":"tools/call","params":{"name":"t"}})");
    CancelScope scope;
    Call call(request, *find_method("tools/call"), scope);
    call.deadline = Shard::current().now() + seconds(60);
    call.first_by = first_by;
    call.peer = &peer;
    call.client.identity = "one";
    call.client.log_level = log_level;
    call.client.session = session;
    call.own_session = own_session;
    call.takes_requests = true;
    Result<Reply> reply = co_await talk->call(call, id);
    std::shared_ptr<ServerLink> asker;
    while (true) {
      if (!reply) {
        seen.emplace_back(to_string(reply.error().kind()));
        co_return;
      }
      if (reply->first.asker) asker = reply->first.asker;
      if (asker && answers) std::exchange(asker, nullptr)->send(response("9"));
      if (reply->first.message) seen.emplace_back(kind_of(*reply->first.message));
      if (reply->first.last) break;
      Result<ReplyEvent> next = co_await reply->rest->next(kForever);
      if (next)
        reply->first = std::move(*next);
      else
        reply = fail(next.error());
    }
    if (asker) asker->pass_on(kQuestion, "an answer");
  }
  Task<void> server(std::vector<std::string> says, Duration after = milliseconds(100)) {
    (void)co_await Sleep(Shard::current().now() + after, nullptr);
    for (const std::string& text : says) talk->take(message_of(text));
  }
  Task<void> death() {
    (void)co_await Sleep(Shard::current().now() + milliseconds(100), nullptr);
    talk->end("it died");
  }
};

using Seen = std::vector<std::string>;

TEST(Conversation, AQuestionGoesOnToTheCallThatWaits) {
  sim::World world(1, 1);
  World one;
  Seen first, second;
  world.start(0, [&] { return one.server({kQuestion, response("1"), response("2")}); });
  world.start(0, [&] { return one.call("1", kForever, first); });
  world.start(0, [&] { return one.call("2", kForever, second); });
  ASSERT_TRUE(world.run());
  EXPECT_EQ(first, (Seen{"question", "response"}));
  EXPECT_EQ(second, Seen{"response"}) << "its response had come when the question was passed on";
  EXPECT_EQ(one.strays, 1);

  sim::World again(1, 1);
  World other;
  Seen third, fourth;
  again.start(0, [&] { return other.server({kQuestion, response("1")}); });
  again.start(0, [&] { return other.call("1", kForever, third); });
  again.start(0, [&] { return other.call("2", Shard::current().now() + seconds(1), fourth); });
  again.start(0, [&] { return other.server({response("2")}, seconds(2)); });
  ASSERT_TRUE(again.run());
  EXPECT_EQ(third, (Seen{"question", "response"}));
  EXPECT_EQ(fourth, (Seen{"question", "response"}));
  EXPECT_EQ(other.strays, 1) << "nobody was left to ask";
}

TEST(Conversation, ACallThatIsOverIsNotAsked) {
  sim::World world(1, 1);
  World one;
  Seen first, second;
  world.start(0, [&] { return one.server({response("1"), kQuestion, response("2")}); });
  world.start(0, [&] { return one.call("1", kForever, first); });
  world.start(0, [&] { return one.call("2", kForever, second); });
  ASSERT_TRUE(world.run());
  EXPECT_EQ(first, Seen{"response"});
  EXPECT_EQ(second, (Seen{"question", "response"}));
}

TEST(Conversation, AReportThatWasLostIsNotHiddenByTheResponse) {
  sim::World world(1, 1);
  World one;
  Seen seen;
  std::vector<std::string> told(
      15, R"({"jsonrpc":"2.0","method":"notifications/progress","params":{"progressToken":1,"progress":1}})");
  told.push_back(response("1"));
  world.start(0, [&] { return one.server(told); });
  world.start(0, [&] { return one.call("1", kForever, seen); });
  ASSERT_TRUE(world.run());
  ASSERT_FALSE(seen.empty());
  EXPECT_EQ(seen.back(), "too_large") << "of 1000 bytes";
  EXPECT_LT(seen.size(), 15u);
}

TEST(Conversation, AnIdThatIsUsedAgainBelongsToTheLastQuestion) {
  sim::World world(1, 1);
  World one;
  one.answers = true;
  Seen first, second;
  const std::string withdrawn =
      R"({"jsonrpc":"2.0","method":"notifications/cancelled","params":{"requestId":9}})";
  world.start(0, [&] { return one.server({kQuestion}); });
  world.start(0, [&] {
    return one.server({kQuestion, withdrawn, response("1"), response("2")}, seconds(1));
  });
  world.start(0, [&] { return one.call("1", kForever, first); });
  world.start(0, [&] { return one.call("2", kForever, second); });
  ASSERT_TRUE(world.run());
  EXPECT_EQ(first, (Seen{"question", "response"}));
  EXPECT_EQ(second, (Seen{"question", "notifications/cancelled", "response"}));
}

TEST(Conversation, LogsThatNobodyReadsAreLeftOutAndNothingElse) {
  sim::World world(1, 1);
  World one;
  one.log_level = "debug";
  Seen seen;
  const std::string log =
      R"({"jsonrpc":"2.0","method":"notifications/message","params":{"level":"info","data":1}})";
  std::vector<std::string> told(20, log);
  told.push_back(
      R"({"jsonrpc":"2.0","method":"notifications/progress","params":{"progressToken":1,"progress":1}})");
  told.push_back(response("1"));
  world.start(0, [&] { return one.server(told); });
  world.start(0, [&] { return one.call("1", kForever, seen); });
  ASSERT_TRUE(world.run());
  Seen wanted(1000 / log.size(), "notifications/message");
  wanted.insert(wanted.end(), {"notifications/progress", "response"});
  EXPECT_EQ(seen, wanted);
  EXPECT_EQ(one.talk->take_logs_left_out(), 20 - 1000 / log.size());
  EXPECT_EQ(one.talk->take_logs_left_out(), 0U);
}

// Whoever passes them on would leave them out: where the session is shared it can't be told whose they are.
TEST(Conversation, WithoutALevelLogsAreForTheOnlyClientOfASession) {
  const std::string log =
      R"({"jsonrpc":"2.0","method":"notifications/message","params":{"level":"info","data":1}})";
  for (const bool own : {false, true}) {
    sim::World world(1, 1);
    World one;
    one.session = "s";
    one.own_session = own;
    Seen seen;
    world.start(0, [&] { return one.server({log, response("1")}); });
    world.start(0, [&] { return one.call("1", kForever, seen); });
    ASSERT_TRUE(world.run());
    EXPECT_EQ(seen, own ? (Seen{"notifications/message", "response"}) : Seen{"response"});
  }
}

// The end of the wire in the very tick in which a wait for the first event ends.
TEST(Conversation, TheEndOfTheWireWinsOverADeadline) {
  sim::World world(1, 1);
  World one;
  Seen seen;
  world.start(0, [&] { return one.death(); });
  world.start(0, [&] { return one.call("1", Shard::current().now() + milliseconds(100), seen); });
  ASSERT_TRUE(world.run());
  EXPECT_EQ(seen, Seen{"outcome_unknown"});
}

}  // namespace
}  // namespace weir
