// The outbox of a channel: bounds, order, and who is told of its end.
#include "front/outbox.h"

#include <gtest/gtest.h>

#include "runtime/nursery.h"
#include "sim/sim_world.h"

namespace weir {
namespace {

using std::chrono::seconds;

Task<void> put_many(Outbox& outbox, std::size_t size, int count, int& put, bool& refused) {
  for (int i = 0; i < count; ++i) {
    const bool there = co_await outbox.put(std::to_string(i) + ":" + std::string(size, 'x'));
    refused = !there;
    if (!there) co_return;
    ++put;
  }
}

TEST(Outbox, WritersWaitForTheReaderAndNothingIsLost) {
  constexpr int kCount = 100;
  int put = 0;
  int waited_at = 0;
  bool refused = false;
  std::vector<std::string> came;
  sim::World world(1, 1);
  struct Run {
    static Task<void> all(Outbox& outbox, int& put, int& waited_at, bool& refused,
                          std::vector<std::string>& came) {
      Nursery writer;
      writer.start(put_many(outbox, 256 * 1024, kCount, put, refused));
      waited_at = put;
      std::vector<Outbox::Item> texts;
      while (came.size() < kCount) {
        const Outbox::Took took = co_await outbox.take(texts, Shard::current().now() + seconds(1), nullptr);
        EXPECT_EQ(took, Outbox::Took::messages);
        if (took != Outbox::Took::messages) break;
        for (const Outbox::Item& item : texts) came.push_back(item.text.substr(0, item.text.find(':')));
      }
      Outbox::Took took = co_await outbox.take(texts, Shard::current().now() + seconds(1), nullptr);
      EXPECT_EQ(took, Outbox::Took::nothing);
      outbox.end();
      took = co_await outbox.take(texts, kForever, nullptr);
      EXPECT_EQ(took, Outbox::Took::end);
      co_await writer.join();
    }
  };
  Outbox outbox;
  world.start(0, [&] { return Run::all(outbox, put, waited_at, refused, came); });
  EXPECT_TRUE(world.run());
  ASSERT_EQ(came.size(), std::size_t{kCount});
  for (int i = 0; i < kCount; ++i) EXPECT_EQ(came[static_cast<std::size_t>(i)], std::to_string(i));
  EXPECT_LE(waited_at, 17);
  EXPECT_FALSE(refused);
}

TEST(Outbox, WhoWaitsForRoomIsToldThatTheClientHasGone) {
  int put = 0;
  bool refused = false;
  sim::World world(1, 2);
  Outbox outbox;
  struct Leave {
    static Task<void> run(Outbox& outbox) {
      outbox.close();
      co_return;
    }
  };
  world.start(0, [&] { return put_many(outbox, 1, 100'000, put, refused); });
  world.start(0, [&] { return Leave::run(outbox); });
  EXPECT_TRUE(world.run());
  EXPECT_TRUE(refused);
  EXPECT_EQ(put, static_cast<int>(Outbox::kCountMax));
}

}  // namespace
}  // namespace weir
