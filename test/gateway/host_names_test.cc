// When names are looked up, under virtual time.
#include "gateway/host_names.h"

#include <gtest/gtest.h>

#include "sim/sim_world.h"

namespace weir {
namespace {

using std::chrono::milliseconds;
using std::chrono::minutes;
using std::chrono::seconds;

NameAnswer answer(std::vector<std::string> addresses, seconds ttl) {
  NameAnswer out;
  out.addresses = std::move(addresses);
  out.ttl = ttl;
  return out;
}

struct Stage {
  Stage() : world(2, 7) {
    HostNames::Options options;
    options.found = [this](const std::string& host, const NameAnswer& what) {
      found.push_back(host + '=' + what.addresses.front());
    };
    options.failed = [this](const std::string&, const Error& error) { failed.push_back(error.detail()); };
    options.keep = [] { return nullptr; };
    names = std::make_unique<HostNames>(world.shard(0), std::move(options));
  }
  // Runs `work` on another shard than the names' home, then ends them.
  void run(std::function<Task<void>()> work) {
    struct Whole {
      static Task<void> go(std::function<Task<void>()> task, HostNames& which) {
        co_await task();
        co_await which.close();
      }
    };
    world.start(1, [&] { return Whole::go(work, *names); });
    EXPECT_TRUE(world.run());
  }
  // The pauses between look-ups, in milliseconds; each look-up takes one.
  std::vector<std::int64_t> pauses() const {
    std::vector<std::int64_t> out;
    const auto& all = world.looked_up();
    for (std::size_t i = 1; i < all.size(); ++i)
      out.push_back(std::chrono::duration_cast<milliseconds>(all[i].second - all[i - 1].second).count());
    return out;
  }
  static Task<void> wait(Duration time) { co_await Sleep(Shard::current().now() + time, nullptr); }

  sim::World world;
  std::vector<std::string> found, failed;
  std::unique_ptr<HostNames> names;
};

using Pauses = std::vector<std::int64_t>;

TEST(HostNames, AreLookedUpAgainWhenTheirTtlHasPassed) {
  for (const auto& [ttl, pause] : std::map<seconds, std::int64_t>{
           {seconds(0), 1001}, {seconds(5), 5001}, {minutes(4), 240001}, {minutes(50), 300001}}) {
    Stage stage;
    stage.world.set_name("a", answer({"10.0.0.1"}, ttl));
    stage.run([&]() -> Task<void> {
      struct Body {
        static Task<void> go(Stage& s, Duration time) {
          s.names->want({"a"});
          return Stage::wait(time);
        }
      };
      return Body::go(stage, milliseconds(2 * pause + 500));
    });
    EXPECT_EQ(stage.pauses(), (Pauses{pause, pause})) << ttl.count();
    EXPECT_EQ(stage.found, (std::vector<std::string>{"a=10.0.0.1", "a=10.0.0.1", "a=10.0.0.1"}));
    EXPECT_TRUE(stage.failed.empty());
  }
}

TEST(HostNames, PausesGrowAfterFailuresAndBeginAnew) {
  Stage stage;
  stage.run([&]() -> Task<void> {
    struct Body {
      static Task<void> go(Stage& s) {
        s.names->want({"a"});
        co_await Stage::wait(seconds(100));
        s.world.set_name("a", answer({"10.0.0.1"}, seconds(2)));
        co_await Stage::wait(seconds(24));
        s.world.unset_name("a");
        co_await Stage::wait(seconds(4));
      }
    };
    return Body::go(stage);
  });
  // Failures at 0, 1, 3, 7, 15, 31, 61, 91 s; found at 121 s and 123 s; failures from 125 s on.
  EXPECT_EQ(stage.pauses(), (Pauses{1001, 2001, 4001, 8001, 16001, 30001, 30001, 30001, 2001, 2001, 1001}));
  EXPECT_EQ(stage.found.size(), 2u);
  EXPECT_EQ(stage.failed.front(), "cannot resolve a: no such name");
}

Task<void> settle_all(Stage& stage, std::vector<std::string>& told, std::vector<milliseconds>& took) {
  CancelScope never;
  const auto ask = [&](Duration patience) {
    return stage.names->settle(stage.world.now() + patience, never);
  };
  const auto note = [&](const Result<void>& outcome, TimePoint begun) {
    told.push_back(outcome ? "found" : outcome.error().detail());
    took.push_back(std::chrono::duration_cast<milliseconds>(stage.world.now() - begun));
  };
  TimePoint begun = stage.world.now();
  stage.world.set_name("a", std::nullopt);
  stage.names->want({"a"});
  note(co_await ask(seconds(3)), begun);       // the server is silent
  co_await Stage::wait(milliseconds(29'500));  // given up twice, it rests
  begun = stage.world.now();
  stage.world.set_name("a", answer({"10.0.0.1"}, seconds(1)));
  note(co_await ask(seconds(60)), begun);
  begun = stage.world.now();
  stage.world.unset_name("a");
  co_await Stage::wait(seconds(5));
  begun = stage.world.now();
  note(co_await ask(seconds(60)), begun);  // what is known is known
  stage.names->want({"b"});
  begun = stage.world.now();
  note(co_await ask(seconds(60)), begun);  // b is none
  begun = stage.world.now();
  note(co_await ask(seconds(60)), begun);  // and was just looked up
  stage.world.set_name("b", answer({"10.0.0.2"}, seconds(1)));
  co_await Stage::wait(milliseconds(62'500));  // it rests for 30 s now and then
  stage.world.unset_name("b");
  stage.names->want({"c"});
  co_await Stage::wait(seconds(40));  // c has failed, and rests for long
  stage.world.set_name("c", answer({"10.0.0.3"}, seconds(1)));
  begun = stage.world.now();
  note(co_await ask(seconds(60)), begun);  // whoever wants it has it at once
}

TEST(HostNames, WhoWaitsIsToldOfTheNextOutcome) {
  Stage stage;
  std::vector<std::string> told;
  std::vector<milliseconds> took;
  stage.run([&] { return settle_all(stage, told, took); });
  ASSERT_EQ(told.size(), 6u);
  EXPECT_EQ(told[0], "its host name is still looked up");
  EXPECT_EQ(took[0], seconds(3));
  EXPECT_EQ(told[1], "found");
  EXPECT_LE(took[1], milliseconds(1));
  EXPECT_EQ(told[2], "found");
  EXPECT_EQ(took[2], milliseconds(0));
  EXPECT_EQ(told[3], "cannot resolve b: no such name");
  EXPECT_EQ(told[4], "cannot resolve b: no such name");
  EXPECT_EQ(took[4], milliseconds(0));
  EXPECT_EQ(told[5], "found");
  EXPECT_LE(took[5], milliseconds(1));
}

Task<void> want_others(Stage& stage) {
  stage.world.set_name("a", answer({"10.0.0.1"}, seconds(1)));
  stage.world.set_name("b", std::nullopt);
  stage.names->want({"a", "b"});
  co_await Stage::wait(milliseconds(500));
  stage.names->want({"c"});
  stage.world.set_name("c", answer({"10.0.0.3"}, seconds(60)));
  co_await Stage::wait(seconds(30));
}

TEST(HostNames, WhatIsNotWantedIsNotLookedUp) {
  Stage stage;
  stage.run([&] { return want_others(stage); });
  std::vector<std::string> looked;
  for (const auto& [name, at] : stage.world.looked_up()) looked.push_back(name);
  EXPECT_EQ(looked, (std::vector<std::string>{"a", "b", "c"}));
  EXPECT_EQ(stage.found, (std::vector<std::string>{"a=10.0.0.1", "c=10.0.0.3"}));
  EXPECT_TRUE(stage.failed.empty()) << "what was called off tells nothing";
}

TEST(HostNames, NothingIsToldAfterTheEnd) {
  Stage stage;
  stage.world.set_name("a", std::nullopt);
  std::string told;
  stage.run([&]() -> Task<void> {
    struct Body {
      static Task<void> ask(Stage& s, std::string& what) {
        CancelScope never;
        const Result<void> outcome = co_await s.names->settle(kForever, never);
        what = outcome ? "found" : outcome.error().detail();
      }
      static Task<void> go(Stage& s, std::string& what) {
        s.names->want({"a"});
        Nursery waiting;
        waiting.start(ask(s, what));
        co_await Stage::wait(seconds(1));
        co_await s.names->close();
        co_await waiting.join();
      }
    };
    return Body::go(stage, told);
  });
  EXPECT_NE(told, "found");
  EXPECT_FALSE(told.empty());
  EXPECT_TRUE(stage.failed.empty());
}

}  // namespace
}  // namespace weir
