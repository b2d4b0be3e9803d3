#include "gateway/keyed_calls.h"

#include <gtest/gtest.h>

#include "sim/sim_world.h"

namespace weir {
namespace {

using As = KeyedCalls::Begun::As;
using std::chrono::milliseconds;
using std::chrono::minutes;
using std::chrono::seconds;

KeyedCalls::Name named(std::string_view key, std::string_view arguments = "{}") {
  KeyedCalls::Name name;
  name.client = "one";
  name.server = "weather";
  name.tool = "write";
  name.key = key;
  name.arguments = arguments;
  return name;
}

// The same call with an answer to what it asked.
KeyedCalls::Name going_on(std::string_view state) {
  KeyedCalls::Name name = named("k");
  name.state = state;
  return name;
}

KeyedCalls::Outcome asking(bool alike = false) {
  KeyedCalls::Outcome out;
  out.asks = true;
  out.alike = alike;
  return out;
}

Message response(std::size_t size = 1) {
  const std::string text = R"({"jsonrpc":"2.0","id":1,"result":{"said":")" + std::string(size, 'x') + "\"}}";
  auto message = Message::index(Bytes::copy_of(text), JsonLimits(), Message::From::upstream);
  EXPECT_TRUE(message);
  return std::move(*message);
}

TimePoint now() { return Shard::current().now(); }

// What there is of an entry that is settled.
Task<std::optional<KeyedCalls::Outcome>> outcome(KeyedCalls& calls, KeyedCalls::Begun begun) {
  CancelScope scope;
  auto got = co_await calls.settled(std::move(begun.entry), now() + seconds(1), scope);
  EXPECT_TRUE(got);
  co_return got ? *got : std::nullopt;
}

Task<void> rest(Duration time) { (void)co_await Sleep(now() + time, nullptr); }

void play(std::function<Task<void>(KeyedCalls&)> scene, KeyedCalls::Limits limits = {}) {
  sim::World world(1, 1);
  KeyedCalls calls(limits);
  world.start(0, [&] { return scene(calls); });
  ASSERT_TRUE(world.run());
}

TEST(KeyedCalls, WhatBelongsToAnotherIsAnother) {
  play([](KeyedCalls& calls) -> Task<void> {
    const KeyedCalls::Begun first = calls.begin(named("k"), false, now());
    EXPECT_EQ(first.as, As::first);
    EXPECT_EQ(calls.begin(named("k"), false, now()).as, As::again);
    EXPECT_EQ(calls.begin(named("k", R"({"a":1})"), false, now()).as, As::other);
    for (auto field : {&KeyedCalls::Name::client, &KeyedCalls::Name::server, &KeyedCalls::Name::tool,
                       &KeyedCalls::Name::key}) {
      KeyedCalls::Name other = named("k");
      other.*field = "another";
      EXPECT_EQ(calls.begin(other, false, now()).as, As::first);
    }
    // Where one part ends and the next begins is told.
    KeyedCalls::Name shifted = named("ek");
    shifted.tool = "writ";
    EXPECT_EQ(calls.begin(shifted, false, now()).as, As::first);
    co_return;
  });
}

TEST(KeyedCalls, IsForgottenInTime) {
  play([](KeyedCalls& calls) -> Task<void> {
    KeyedCalls::Begun begun = calls.begin(named("k"), false, now());
    co_await rest(minutes(60));
    EXPECT_EQ(calls.begin(named("k"), false, now()).as, As::again);  // it runs
    begun.run->answered(response(), {});
    co_await rest(minutes(10) - milliseconds(1));
    EXPECT_EQ(calls.begin(named("k"), false, now()).as, As::again);
    co_await rest(milliseconds(1));
    EXPECT_EQ(calls.begin(named("k"), false, now()).as, As::first);
  });
}

TEST(KeyedCalls, KeepsWhatMayNotBeRunTwice) {
  play([](KeyedCalls& calls) -> Task<void> {
    const Error cut(Error::Kind::outcome_unknown, Error::Side::upstream, Error::Sent::maybe, "cut");
    const Error unsent(Error::Kind::unreachable, Error::Side::upstream, Error::Sent::no);
    calls.begin(named("cut"), false, now()).run->failed(cut);
    calls.begin(named("unsent"), false, now()).run->failed(unsent);
    calls.begin(named("harmless"), true, now()).run->failed(cut);
    calls.begin(named("left"), false, now()).run.reset();
    calls.begin(named("left, harmless"), true, now()).run.reset();
    const auto kept = co_await outcome(calls, calls.begin(named("cut"), false, now()));
    EXPECT_EQ(kept.value().failed.detail(), "cut");
    EXPECT_EQ((co_await outcome(calls, calls.begin(named("left"), false, now()))).value().failed.kind(),
              Error::Kind::outcome_unknown);
    for (const char* key : {"unsent", "harmless", "left, harmless"})
      EXPECT_EQ(calls.begin(named(key), false, now()).as, As::first) << key;
  });
}

TEST(KeyedCalls, TheFirstWordCounts) {
  play([](KeyedCalls& calls) -> Task<void> {
    KeyedCalls::Begun begun = calls.begin(named("k"), false, now());
    begun.run->answered(response(3), {});
    begun.run->forget();
    begun.run->failed(Error());
    begun.run.reset();
    const auto kept = co_await outcome(calls, calls.begin(named("k"), false, now()));
    EXPECT_NE(kept.value().response->find("xxx"), std::string::npos);
  });
}

TEST(KeyedCalls, IsBounded) {
  KeyedCalls::Limits limits;
  limits.calls = 3;
  limits.bytes = 200;
  limits.result = 150;
  play(
      [](KeyedCalls& calls) -> Task<void> {
        calls.begin(named("large"), false, now()).run->answered(response(200), {});
        const auto large = co_await outcome(calls, calls.begin(named("large"), false, now()));
        EXPECT_EQ(large.value().failed.kind(), Error::Kind::too_large);
        calls.begin(named("a"), false, now()).run->answered(response(60), {});
        calls.begin(named("b"), false, now()).run->answered(response(60), {});
        // Both results are too much: the older one goes, but that it was run is still known.
        const auto a = co_await outcome(calls, calls.begin(named("a"), false, now()));
        EXPECT_EQ(a.value().failed.kind(), Error::Kind::too_large);
        EXPECT_TRUE((co_await outcome(calls, calls.begin(named("b"), false, now()))).value().response);
        // A fourth call: the oldest one goes.
        KeyedCalls::Begun c = calls.begin(named("c"), false, now());
        EXPECT_EQ(calls.size(), 3U);
        EXPECT_EQ(calls.begin(named("a"), false, now()).as, As::again);
        KeyedCalls::Begun d = calls.begin(named("d"), false, now());
        KeyedCalls::Begun e = calls.begin(named("e"), false, now());
        EXPECT_EQ(calls.size(), 3U);
        // What runs is never dropped.
        EXPECT_EQ(calls.begin(named("f"), false, now()).as, As::crowded);
        for (const char* key : {"c", "d", "e"})
          EXPECT_EQ(calls.begin(named(key), false, now()).as, As::again);
      },
      limits);
}

TEST(KeyedCalls, OverHalfOfTheRoomAClientPushesOutItsOwn) {
  KeyedCalls::Limits limits;
  limits.bytes = 1000;
  limits.result = 150;
  play(
      [](KeyedCalls& calls) -> Task<void> {
        const auto of = [](const char* client, std::string_view key) {
          KeyedCalls::Name name = named(key);
          name.client = client;
          return name;
        };
        // Some 100 bytes each.
        const auto run = [&](const char* client, std::string_view key) {
          calls.begin(of(client, key), false, now()).run->answered(response(52), {});
        };
        run("one", "a");
        for (int i = 0; i < 20; ++i) run("other", "k" + std::to_string(i));
        EXPECT_TRUE((co_await outcome(calls, calls.begin(of("one", "a"), false, now()))).value().response);
        EXPECT_TRUE(
            (co_await outcome(calls, calls.begin(of("other", "k19"), false, now()))).value().response);
        EXPECT_FALSE(
            (co_await outcome(calls, calls.begin(of("other", "k0"), false, now()))).value().response);
        // Within its half it has the room of whoever has more.
        for (int i = 0; i < 4; ++i) run("one", "b" + std::to_string(i));
        EXPECT_TRUE((co_await outcome(calls, calls.begin(of("one", "b3"), false, now()))).value().response);
      },
      limits);
}

TEST(KeyedCalls, WhatAskedStaysUntilItsAnswersHaveReachedTheServer) {
  play([](KeyedCalls& calls) -> Task<void> {
    calls.begin(named("k"), false, now()).run->answered(response(3), asking());
    KeyedCalls::Begun unsent = calls.begin(going_on("one"), false, now());
    EXPECT_EQ(unsent.as, As::first);
    EXPECT_EQ(calls.begin(named("k"), false, now()).as, As::again);  // it runs
    KeyedCalls::Begun joined = calls.begin(going_on("one"), false, now());
    EXPECT_EQ(joined.as, As::again);
    unsent.run->failed(Error(Error::Kind::unreachable, Error::Side::upstream, Error::Sent::no));
    EXPECT_FALSE(co_await outcome(calls, std::move(joined)));  // it may go on itself
    auto before = co_await outcome(calls, calls.begin(named("k"), false, now()));
    EXPECT_TRUE(before.value().asks);
    EXPECT_NE(before.value().response->find("xxx"), std::string::npos);
    KeyedCalls::Begun late = calls.begin(going_on("one"), false, now());
    EXPECT_EQ(late.as, As::first);
    late.run->failed(Error(Error::Kind::input_expired, Error::Side::client, Error::Sent::maybe));
    before = co_await outcome(calls, calls.begin(named("k"), false, now()));
    EXPECT_TRUE(before.value().asks);
    // Once they may have, it is over.
    KeyedCalls::Begun cut = calls.begin(going_on("one"), false, now());
    EXPECT_EQ(cut.as, As::first);
    cut.run.reset();
    before = co_await outcome(calls, calls.begin(named("k"), false, now()));
    EXPECT_FALSE(before.value().asks);
    EXPECT_EQ(before.value().failed.kind(), Error::Kind::outcome_unknown);
    EXPECT_EQ(calls.size(), 1U);
    co_await rest(minutes(10));
    EXPECT_EQ(calls.begin(named("k"), false, now()).as, As::first);
  });
}

TEST(KeyedCalls, TheSameAnswersAreTheSameRound) {
  play([](KeyedCalls& calls) -> Task<void> {
    calls.begin(named("k"), false, now()).run->answered(response(), asking());
    calls.begin(going_on("one"), false, now()).run->answered(response(2), asking());
    const auto second = co_await outcome(calls, calls.begin(going_on("one"), false, now()));
    EXPECT_NE(second.value().response->find("xx"), std::string::npos);
    calls.begin(going_on("two"), false, now()).run->answered(response(), asking(true));
    // What asks for the same once more is given it.
    KeyedCalls::Begun more = calls.begin(going_on("two"), false, now());
    EXPECT_EQ(more.as, As::first);
    more.run->answered(response(), {});
    EXPECT_EQ(calls.begin(going_on("two"), false, now()).as, As::again);
    EXPECT_EQ(calls.begin(going_on("three"), false, now()).as, As::again);
  });
}

TEST(KeyedCalls, TooManyOfOneClientWaitForItsOldest) {
  KeyedCalls::Limits limits;
  limits.of_client = 2;
  play(
      [](KeyedCalls& calls) -> Task<void> {
        KeyedCalls::Begun k = calls.begin(named("k"), false, now());
        KeyedCalls::Begun b = calls.begin(named("b"), false, now());
        KeyedCalls::Begun refused = calls.begin(named("c"), false, now());
        EXPECT_EQ(refused.as, As::crowded);
        EXPECT_EQ(refused.wait, Duration());
        k.run->answered(response(), asking());
        co_await rest(minutes(1));
        b.run->answered(response(), {});
        refused = calls.begin(named("c"), false, now());
        EXPECT_EQ(refused.as, As::crowded);
        EXPECT_EQ(refused.wait, minutes(9));
        // What goes on is not old, whenever it asked.
        const KeyedCalls::Begun round = calls.begin(going_on("one"), false, now());
        EXPECT_EQ(calls.begin(named("c"), false, now()).wait, minutes(10));
        KeyedCalls::Name other = named("c");
        other.client = "two";
        EXPECT_EQ(calls.begin(other, false, now()).as, As::first);
      },
      limits);
}

TEST(KeyedCalls, WhoAsksOnAnotherShardIsToldAsWell) {
  sim::World world(2, 1);
  KeyedCalls calls;
  std::size_t told = 0;
  bool forgotten = false;
  world.start(0, [&]() -> Task<void> {
    KeyedCalls::Begun kept = calls.begin(named("kept"), false, now());
    KeyedCalls::Begun none = calls.begin(named("none"), false, now());
    co_await rest(seconds(1));
    kept.run->answered(response(), {});
    none.run->forget();
  });
  for (int i = 0; i < 5; ++i)
    world.start(1, [&]() -> Task<void> {
      co_await rest(milliseconds(10));
      CancelScope scope;
      const auto got =
          co_await calls.settled(calls.begin(named("kept"), false, now()).entry, now() + seconds(5), scope);
      told += got && *got && (*got)->response ? 1 : 0;
    });
  world.start(1, [&]() -> Task<void> {
    co_await rest(milliseconds(10));
    CancelScope scope;
    const auto got =
        co_await calls.settled(calls.begin(named("none"), false, now()).entry, now() + seconds(5), scope);
    forgotten = got && !*got;
  });
  world.start(1, [&]() -> Task<void> {
    co_await rest(milliseconds(10));
    CancelScope scope;
    const auto got = co_await calls.settled(calls.begin(named("kept"), false, now()).entry,
                                            now() + milliseconds(100), scope);
    EXPECT_EQ(got.error().kind(), Error::Kind::deadline_exceeded);
  });
  ASSERT_TRUE(world.run());
  EXPECT_EQ(told, 5U);
  EXPECT_TRUE(forgotten);
}

}  // namespace
}  // namespace weir
