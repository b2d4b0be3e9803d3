// Circuit breakers in virtual time, through the real gateway: each rule by itself.
#include <gtest/gtest.h>

#include <algorithm>

#include "sim/health_scene.h"

namespace weir {
namespace {

using sim::HealthScene;
using sim::ToldEndpoint;
using std::chrono::milliseconds;
using std::chrono::seconds;
using Way = ToldEndpoint::Way;

constexpr const char* kNobody = "no_healthy_endpoint";

void play(std::size_t endpoints, Task<void> (*what)(HealthScene&),
          std::function<void(ServerConfig&)> tune = nullptr) {
  HealthScene scene(endpoints, [&tune](ServerConfig& server) {
    server.retry.enabled = false;
    if (tune) tune(server);
  });
  for (const std::string& violation : scene.run(what)) ADD_FAILURE() << violation;
}

BreakerState breaker(HealthScene& s, std::size_t i) { return s.endpoint(i)->health().breaker_state(); }
unsigned permits(HealthScene& s, std::size_t i) { return s.endpoint(i)->health().breaker().word().permits; }

Task<void> one_call(HealthScene& s, Duration patience, int& refused) {
  const std::string by = co_await s.call(patience);
  if (by == kNobody) ++refused;
}

// So many at once; how many found nobody.
Task<int> calls(HealthScene& s, int count, Duration patience) {
  Nursery many;
  int refused = 0;
  for (int i = 0; i < count; ++i) many.start(one_call(s, patience, refused));
  co_await many.join();
  co_return refused;
}

TEST(BreakerScene, ALoneEndpointFailsFastAndRecovers) {
  play(1, [](HealthScene& s) -> Task<void> {
    s.told(0).calls = Way::resets;
    for (int i = 0; i < 5; ++i) {
      const std::string by = co_await s.call();
      EXPECT_EQ(by, "outcome_unknown");
    }
    EXPECT_EQ(breaker(s, 0), BreakerState::open);
    EXPECT_EQ(s.health(0), Health::unhealthy);
    const TimePoint opened = s.now();
    for (int i = 0; i < 10; ++i) {
      const TimePoint begun = s.now();
      const std::string by = co_await s.call();
      EXPECT_EQ(by, kNobody);
      EXPECT_LT(s.now() - begun, milliseconds(20));
    }
    EXPECT_EQ(s.told(0).called.size(), 5u);
    while (s.told(0).called.size() < 6 && s.now() < opened + seconds(5)) (void)co_await s.call();
    EXPECT_GE(s.now() - opened, milliseconds(375));
    EXPECT_LE(s.now() - opened, milliseconds(650));
    EXPECT_EQ(breaker(s, 0), BreakerState::open);
    s.told(0).calls = Way::well;
    const TimePoint healed = s.now();
    while (breaker(s, 0) != BreakerState::closed && s.now() < healed + seconds(30)) (void)co_await s.call();
    EXPECT_LT(s.now() - healed, seconds(2));
    EXPECT_EQ(s.health(0), Health::healthy);
    const std::vector<BreakerChange> history = s.endpoint(0)->health().breaker_history();
    EXPECT_EQ(history.size(), 5u);
    if (history.size() == 5) {
      EXPECT_EQ(history[0].to, BreakerState::open);
      EXPECT_EQ(history[0].reason.substr(0, 25), "5 calls in a row failed: ");
      EXPECT_EQ(history[1].to, BreakerState::half_open);
      EXPECT_EQ(history[4].to, BreakerState::closed);
    }
  });
}

TEST(BreakerScene, HalfOpenAtMostThreeAreUnderWayAndPermitsComeBack) {
  play(1, [](HealthScene& s) -> Task<void> {
    s.told(0).calls = Way::busy;
    for (int i = 0; i < 5; ++i) (void)co_await s.call();
    EXPECT_EQ(breaker(s, 0), BreakerState::open);
    s.told(0).calls = Way::hangs;
    s.told(0).called.clear();
    co_await s.pause(seconds(1));
    const int refused = co_await calls(s, 40, milliseconds(100));
    EXPECT_EQ(s.told(0).called.size(), 3u);
    EXPECT_EQ(refused, 37);
    (void)co_await s.until([&s] { return permits(s, 0) == 0; }, seconds(1));
    EXPECT_EQ(permits(s, 0), 0u);  // their clients have gone
    EXPECT_EQ(breaker(s, 0), BreakerState::half_open);
    s.told(0).calls = Way::well;
    for (int i = 0; i < 3; ++i) {
      const std::string by = co_await s.call();
      EXPECT_EQ(by, "10.0.1.1");
    }
    EXPECT_EQ(breaker(s, 0), BreakerState::closed);
    EXPECT_EQ(s.endpoint(0)->in_flight(), 0u);
  });
}

TEST(BreakerScene, WhatProbesBringBackGetsFewCallsUntilTheyWereGood) {
  play(2, [](HealthScene& s) -> Task<void> {
    s.told(0).tell(Way::hangs);
    (void)co_await s.until([&s] { return s.health(0) == Health::unhealthy; }, seconds(5));
    EXPECT_EQ(breaker(s, 0), BreakerState::open);
    s.told(0).tell(Way::well);
    (void)co_await s.until([&s] { return s.health(0) == Health::healthy; }, seconds(5));
    EXPECT_EQ(breaker(s, 0), BreakerState::half_open);
    s.told(0).calls = Way::hangs;
    s.told(0).called.clear();
    const int refused = co_await calls(s, 30, milliseconds(100));
    EXPECT_EQ(refused, 0);
    EXPECT_EQ(s.told(0).called.size(), 3u);
    s.told(0).calls = Way::resets;
    for (int i = 0; i < 4; ++i) (void)co_await s.call();
    EXPECT_EQ(s.told(0).called.size(), 4u);  // one was enough
    EXPECT_EQ(breaker(s, 0), BreakerState::open);
    EXPECT_EQ(s.health(0), Health::unhealthy);
  });
}

TEST(BreakerScene, WithoutCallsItClosesOnceProbesPassedForLong) {
  play(
      2,
      [](HealthScene& s) -> Task<void> {
        s.set_down(0, true);
        (void)co_await s.until([&s] { return s.health(0) == Health::unhealthy; }, seconds(5));
        s.set_down(0, false);
        (void)co_await s.until([&s] { return s.health(0) == Health::healthy; }, seconds(5));
        EXPECT_EQ(breaker(s, 0), BreakerState::half_open);
        co_await s.pause(seconds(3));
        EXPECT_EQ(breaker(s, 0), BreakerState::half_open);
        co_await s.pause(seconds(3));
        EXPECT_EQ(breaker(s, 0), BreakerState::closed);
      },
      [](ServerConfig& server) { server.circuit_breaker.timeout = seconds(5); });
}

TEST(BreakerScene, PanicOverridesBreakersWhoseProbesPass) {
  play(3, [](HealthScene& s) -> Task<void> {
    for (std::size_t i = 0; i < 3; ++i) s.told(i).calls = Way::busy;
    for (int i = 0; i < 30; ++i) (void)co_await s.call();
    for (std::size_t i = 0; i < 3; ++i) EXPECT_EQ(breaker(s, i), BreakerState::open) << i;
    EXPECT_TRUE(s.in_panic());
    for (std::size_t i = 0; i < 3; ++i) s.told(i).called.clear();
    for (int i = 0; i < 9; ++i) {
      const std::string by = co_await s.call();
      EXPECT_NE(by, kNobody);
    }
    std::size_t asked = 0;
    for (std::size_t i = 0; i < 3; ++i) asked += s.told(i).called.size();
    EXPECT_EQ(asked, 9u);
  });
}

// The first two are out by their probes alone, when calls have not waited for long at either. When the last
// one is out, too, no call tries any of them.
TEST(BreakerScene, WhenTheLastThatHangsIsOutSoAreAll) {
  play(3, [](HealthScene& s) -> Task<void> {
    co_await s.pause(seconds(1));
    Nursery waiting;
    int refused = 0;
    const auto some = [&](Duration time) -> Task<void> {
      for (const TimePoint until = s.now() + time; s.now() < until;) {
        waiting.start(one_call(s, seconds(8), refused));
        co_await s.pause(milliseconds(10));
      }
    };
    s.told(2).calls = Way::hangs;
    co_await some(milliseconds(300));
    s.told(0).tell(Way::hangs);
    s.told(1).tell(Way::hangs);
    co_await some(milliseconds(100));
    s.told(2).tell(Way::hangs);
    const auto open = [&s](std::size_t i) { return breaker(s, i) == BreakerState::open; };
    for (int i = 0; i < 300 && !open(2); ++i) {
      EXPECT_FALSE(s.endpoint(0)->status()->silent || s.endpoint(1)->status()->silent);
      co_await some(milliseconds(5));
    }
    EXPECT_TRUE(open(0) && open(1) && open(2));
    EXPECT_TRUE(s.in_panic());
    for (std::size_t i = 0; i < 3; ++i) s.told(i).called.clear();
    for (int i = 0; i < 50; ++i) {
      const std::string by = co_await s.call(seconds(1));
      EXPECT_EQ(by, kNobody);
      co_await s.pause(milliseconds(10));
    }
    for (std::size_t i = 0; i < 3; ++i) EXPECT_TRUE(s.told(i).called.empty());
    co_await waiting.join();
  });
}

// Busy with a long call, it answers no probes; the other one dies. It is all there is, and may answer yet.
TEST(BreakerScene, WhoIsBusyIsTriedWhenTheOtherDies) {
  play(2, [](HealthScene& s) -> Task<void> {
    co_await s.pause(seconds(1));
    s.told(1).probes = Way::hangs;
    s.told(1).call_delay = milliseconds(1500);
    Nursery waiting;
    int refused = 0;
    for (int i = 0; i < 4; ++i) waiting.start(one_call(s, seconds(8), refused));
    const auto out = [&s](std::size_t i) { return s.health(i) == Health::unhealthy; };
    (void)co_await s.until([&] { return out(1); }, seconds(3));
    EXPECT_TRUE(out(1));
    s.set_down(0, true);
    (void)co_await s.until([&] { return out(0); }, seconds(3));
    EXPECT_TRUE(out(0) && out(1));
    EXPECT_FALSE(s.endpoint(1)->status()->silent);
    const std::string by = co_await s.call();
    EXPECT_EQ(by, "10.0.1.2");
    co_await waiting.join();
  });
}

// Calls that may be repeated are sent elsewhere before long; that is no answer, and who hangs is known as
// soon.
TEST(BreakerScene, WhoIsLateForCallsThatGoElsewhereIsSilentAllTheSame) {
  play(
      3,
      [](HealthScene& s) -> Task<void> {
        for (int i = 0; i < 60; ++i) (void)co_await s.call();  // what is usual is known by then
        co_await s.pause(seconds(1));
        for (std::size_t i = 0; i < 3; ++i) s.told(i).tell(Way::hangs);
        const TimePoint begun = s.now();
        const auto all_open = [&s] {
          for (std::size_t i = 0; i < 3; ++i)
            if (breaker(s, i) != BreakerState::open) return false;
          return true;
        };
        Nursery waiting;
        int refused = 0;
        while (!all_open() && s.now() - begun < seconds(5)) {
          waiting.start(one_call(s, seconds(8), refused));
          co_await s.pause(milliseconds(20));
        }
        EXPECT_LT(s.now() - begun, milliseconds(2000));
        co_await waiting.join();
      },
      [](ServerConfig& server) {
        server.retry.enabled = true;
        server.load_balancing.strategy = LoadBalancingConfig::Strategy::adaptive_latency;
        server.tools["echo"].safe_to_repeat = true;
      });
}

// Silent to probes and calls: nobody is asked, and all is over soon after they are well.
TEST(BreakerScene, WhereAllHangNobodyIsAsked) {
  play(3, [](HealthScene& s) -> Task<void> {
    co_await s.pause(seconds(1));
    for (std::size_t i = 0; i < 3; ++i) s.told(i).tell(Way::hangs);
    const TimePoint begun = s.now();
    Nursery waiting;
    int refused = 0;
    for (int i = 0; i < 6; ++i) waiting.start(one_call(s, seconds(8), refused));
    const auto all_open = [&s] {
      for (std::size_t i = 0; i < 3; ++i)
        if (breaker(s, i) != BreakerState::open) return false;
      return true;
    };
    (void)co_await s.until(all_open, seconds(10));
    EXPECT_TRUE(all_open());
    EXPECT_LT(s.now() - begun, milliseconds(2500));
    for (std::size_t i = 0; i < 3; ++i) s.told(i).called.clear();
    for (int i = 0; i < 20; ++i) {
      const TimePoint asked = s.now();
      const std::string by = co_await s.call();
      EXPECT_EQ(by, kNobody);
      EXPECT_LT(s.now() - asked, milliseconds(20));
    }
    for (std::size_t i = 0; i < 3; ++i) EXPECT_TRUE(s.told(i).called.empty());
    co_await waiting.join();
    // Nothing is under way any more: that is no sign that they are well.
    co_await s.pause(seconds(1));
    const std::string still = co_await s.call();
    EXPECT_EQ(still, kNobody);
    for (std::size_t i = 0; i < 3; ++i) s.told(i).tell(Way::well);
    const TimePoint healed = s.now();
    std::string by = kNobody;
    while (by == kNobody && s.now() < healed + seconds(20)) {
      by = co_await s.call();
      co_await s.pause(milliseconds(5));
    }
    EXPECT_EQ(by.substr(0, 7), "10.0.1.");
    EXPECT_LE(s.now() - healed, seconds(5));
  });
}

// A slow server is no dead one: probes alone never take out the last one.
TEST(BreakerScene, WhereProbesAloneFailCallsGoOn) {
  play(3, [](HealthScene& s) -> Task<void> {
    for (std::size_t i = 0; i < 3; ++i) s.told(i).probes = Way::hangs;
    co_await s.pause(seconds(8));
    for (int i = 0; i < 20; ++i) {
      const std::string by = co_await s.call();
      EXPECT_EQ(by.substr(0, 7), "10.0.1.");
    }
  });
}

TEST(BreakerScene, WhereAllRefuseNobodyIsAskedAndItIsSoonOver) {
  play(3, [](HealthScene& s) -> Task<void> {
    for (std::size_t i = 0; i < 3; ++i) s.set_down(i, true);
    co_await s.pause(seconds(1));
    for (int i = 0; i < 20; ++i) {
      const TimePoint asked = s.now();
      const std::string by = co_await s.call();
      EXPECT_EQ(by, kNobody);
      EXPECT_LT(s.now() - asked, milliseconds(20));
    }
    for (std::size_t i = 0; i < 3; ++i) s.set_down(i, false);
    const TimePoint healed = s.now();
    std::string by = kNobody;
    while (by == kNobody && s.now() < healed + seconds(20)) {
      by = co_await s.call();
      co_await s.pause(milliseconds(5));
    }
    EXPECT_LE(s.now() - healed, milliseconds(500));
  });
}

// Nobody else is there to go to: those that get no permit wait for the few calls that prove it.
TEST(BreakerScene, WhoIsBackAloneIsWaitedForAMoment) {
  play(
      1,
      [](HealthScene& s) -> Task<void> {
        s.set_down(0, true);
        (void)co_await s.until([&s] { return s.health(0) == Health::unhealthy; }, seconds(5));
        const std::string by = co_await s.call();
        EXPECT_EQ(by, kNobody);
        s.set_down(0, false);
        (void)co_await s.until([&s] { return s.health(0) == Health::healthy; }, seconds(5));
        EXPECT_EQ(breaker(s, 0), BreakerState::half_open);
        s.told(0).delay = milliseconds(30);
        s.told(0).called.clear();
        const TimePoint begun = s.now();
        const int refused = co_await calls(s, 12, seconds(5));
        EXPECT_EQ(refused, 0);
        EXPECT_EQ(s.told(0).called.size(), 12u);
        const auto early = std::count_if(s.told(0).called.begin(), s.told(0).called.end(),
                                         [&](TimePoint at) { return at < begun + milliseconds(30); });
        EXPECT_EQ(early, 3);
        EXPECT_EQ(breaker(s, 0), BreakerState::closed);
        // Slow ones are not waited for that long.
        s.set_down(0, true);
        (void)co_await s.until([&s] { return s.health(0) == Health::unhealthy; }, seconds(5));
        s.set_down(0, false);
        (void)co_await s.until([&s] { return s.health(0) == Health::healthy; }, seconds(20));
        s.told(0).delay = milliseconds(600);
        const int slow = co_await calls(s, 12, seconds(5));
        EXPECT_EQ(slow, 9);
      },
      [](ServerConfig& server) { server.health_check.interval = milliseconds(200); });
}

TEST(BreakerScene, ABackupTakesWhatIsTooManyForWhoIsBack) {
  play(
      2,
      [](HealthScene& s) -> Task<void> {
        s.told(0).tell(Way::hangs);
        (void)co_await s.until([&s] { return s.health(0) == Health::unhealthy; }, seconds(5));
        s.told(0).tell(Way::well);
        (void)co_await s.until([&s] { return s.health(0) == Health::healthy; }, seconds(5));
        s.told(0).delay = milliseconds(600);
        s.told(0).called.clear();
        const int refused = co_await calls(s, 12, seconds(5));
        EXPECT_EQ(refused, 0);
        EXPECT_EQ(s.told(0).called.size(), 3u);
        EXPECT_EQ(s.told(1).called.size(), 9u);
      },
      [](ServerConfig& server) { server.endpoints[1].priority = 1; });
}

TEST(BreakerScene, FlappingChangesAtMostTwelveTimesAMinute) {
  play(2, [](HealthScene& s) -> Task<void> {
    int changes = 0;
    Health before = s.health(0);
    for (int i = 0; i < 60; ++i) {
      s.set_down(0, i % 2 == 0);
      for (int k = 0; k < 20; ++k) {
        co_await s.pause(milliseconds(50));
        if (s.health(0) != before) ++changes;
        before = s.health(0);
        if (k % 4 == 0) (void)co_await s.call();
      }
    }
    EXPECT_GE(changes, 4);
    EXPECT_LE(changes, 12);
  });
}

}  // namespace
}  // namespace weir
