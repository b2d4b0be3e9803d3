// How endpoints are judged, in virtual time: each rule by itself, through the real gateway.
#include "sim/health_scene.h"

#include <gtest/gtest.h>

#include <algorithm>

namespace weir {
namespace {

using sim::HealthScene;
using sim::ToldEndpoint;
using std::chrono::milliseconds;
using std::chrono::seconds;
using Way = ToldEndpoint::Way;

void play(std::size_t endpoints, Task<void> (*what)(HealthScene&),
          std::function<void(ServerConfig&)> tune = nullptr) {
  HealthScene scene(endpoints, std::move(tune));
  for (const std::string& violation : scene.run(what)) ADD_FAILURE() << violation;
}

Task<void> one_call(HealthScene& s, int& failed) {
  const std::string by = co_await s.call();
  if (!by.starts_with("10.0.1.")) ++failed;
}

Task<void> learn_what_is_usual(HealthScene& s) {
  for (std::size_t i = 0; i < 3; ++i) s.told(i).delay = milliseconds(3);
  for (int i = 0; i < 100; ++i) (void)co_await s.call();
}

// The first endpoint goes wrong and is well again, with no traffic.
Task<void> judge_quickly(HealthScene& s, Way way) {
  co_await s.pause(seconds(1));  // how soon it usually answers is known
  s.told(0).tell(way);
  const Duration down = co_await s.until([&s] { return s.health(0) == Health::unhealthy; }, seconds(5));
  EXPECT_LT(down, seconds(1));
  EXPECT_EQ(s.health(1), Health::healthy);
  EXPECT_FALSE(s.endpoint(0)->status()->reason.empty());
  s.told(0).tell(Way::well);
  const Duration up = co_await s.until([&s] { return s.health(0) == Health::healthy; }, seconds(30));
  EXPECT_LT(up, seconds(2));
}

TEST(HealthScene, HangIsSeenWithinASecondWithoutTraffic) {
  play(2, [](HealthScene& s) { return judge_quickly(s, Way::hangs); });
}

TEST(HealthScene, ResetIsSeenWithinASecondWithoutTraffic) {
  play(2, [](HealthScene& s) { return judge_quickly(s, Way::resets); });
}

TEST(HealthScene, ServerErrorIsSeenWithinASecondWithoutTraffic) {
  play(2, [](HealthScene& s) { return judge_quickly(s, Way::busy); });
}

TEST(HealthScene, WrongIdIsSeenWithinASecondWithoutTraffic) {
  play(2, [](HealthScene& s) { return judge_quickly(s, Way::wrong_id); });
}

// How long it took to say who it is says nothing of how long a probe may take.
TEST(HealthScene, ASlowStartHidesNoHang) {
  HealthScene scene(2, nullptr);
  for (std::size_t i = 0; i < 2; ++i) scene.told(i).delay = milliseconds(2000);
  const auto violations = scene.run([](HealthScene& s) -> Task<void> {
    for (std::size_t i = 0; i < 2; ++i) s.told(i).delay = milliseconds(3);
    for (int i = 0; i < 40; ++i) {
      (void)co_await s.call();
      co_await s.pause(milliseconds(20));
    }
    s.told(0).tell(Way::hangs);
    const Duration down = co_await s.until([&s] { return s.health(0) == Health::unhealthy; }, seconds(30));
    EXPECT_LT(down, seconds(3));
  });
  for (const std::string& violation : violations) ADD_FAILURE() << violation;
}

TEST(HealthScene, RefusalIsSeenAndWhoRefusesGetsNoCall) {
  play(3, [](HealthScene& s) -> Task<void> {
    s.set_down(0, true);
    s.set_down(1, true);
    const Duration down = co_await s.until(
        [&s] { return s.health(0) == Health::unhealthy && s.health(1) == Health::unhealthy; }, seconds(5));
    EXPECT_LT(down, seconds(1));
    // Two of three are out, which is panic; but nothing is there.
    EXPECT_TRUE(s.in_panic());
    for (int i = 0; i < 10; ++i) {
      const std::string by = co_await s.call();
      EXPECT_EQ(by, "10.0.1.3");
    }
    s.set_down(0, false);
    const Duration up = co_await s.until([&s] { return s.health(0) == Health::healthy; }, seconds(30));
    EXPECT_LT(up, seconds(2));
  });
}

void no_breaker(ServerConfig& server) { server.circuit_breaker.enabled = false; }

TEST(HealthScene, WithoutABreakerALoneEndpointIsNeverOutForFailingCalls) {
  play(
      1,
      [](HealthScene& s) -> Task<void> {
        s.told(0).calls = Way::resets;
        for (int i = 0; i < 30; ++i) {
          const std::string by = co_await s.call();
          EXPECT_EQ(by, "outcome_unknown");
          EXPECT_NE(s.health(0), Health::unhealthy);
        }
        EXPECT_EQ(s.health(0), Health::degraded);
        s.told(0).calls = Way::well;
        const std::string by = co_await s.call();
        EXPECT_EQ(by, "10.0.1.1");
      },
      no_breaker);
}

// Every other call of the first one fails, and it has one in a second.
Task<void> fail_every_other(HealthScene& s) {
  for (int i = 0; i < 24 && s.health(0) != Health::unhealthy; ++i) {
    s.told(0).calls = i % 4 < 2 ? Way::busy : Way::well;  // two endpoints take turns
    (void)co_await s.call();
    co_await s.pause(milliseconds(500));
  }
}

// Ten seconds of that are a rate, two are too few calls.
TEST(HealthScene, TheRateIsThatOfTheWindowAsConfigured) {
  const auto judged = [](seconds window) {
    return [window](ServerConfig& server) {
      no_breaker(server);
      server.outlier_detection.window = window;
      server.outlier_detection.min_requests = 6;
    };
  };
  play(
      2,
      [](HealthScene& s) -> Task<void> {
        co_await fail_every_other(s);
        EXPECT_EQ(s.health(0), Health::unhealthy);
      },
      judged(seconds(10)));
  play(
      2,
      [](HealthScene& s) -> Task<void> {
        co_await fail_every_other(s);
        EXPECT_NE(s.health(0), Health::unhealthy);
      },
      judged(seconds(2)));
}

// All calls fail while probes pass: how many may be out for that.
TEST(HealthScene, NoMoreAreEjectedThanMaxEjected) {
  static std::size_t out;
  const auto count = [](double max_ejected) {
    play(
        4,
        [](HealthScene& s) -> Task<void> {
          for (std::size_t i = 0; i < 4; ++i) s.told(i).calls = Way::busy;
          for (int i = 0; i < 80; ++i) (void)co_await s.call();
          out = 0;
          for (std::size_t i = 0; i < 4; ++i) out += s.health(i) == Health::unhealthy ? 1U : 0U;
        },
        [max_ejected](ServerConfig& server) {
          no_breaker(server);
          server.outlier_detection.max_ejected = max_ejected;
        });
    return out;
  };
  EXPECT_EQ(count(0), 1U);  // one always may
  EXPECT_EQ(count(0.5), 2U);
  EXPECT_EQ(count(0.75), 3U);
}

// Its probes pass and its calls fail.
TEST(HealthScene, TrialsOfAHalfDeadEndpointComeOneByOneAndEverMoreSeldom) {
  play(2, [](HealthScene& s) -> Task<void> {
    s.told(0).calls = Way::busy;
    while (s.health(0) != Health::unhealthy && s.told(0).called.size() < 50) (void)co_await s.call();
    EXPECT_EQ(s.told(0).called.size(), 5u);
    s.told(0).called.clear();
    int failed = 0;
    const TimePoint begun = s.now();
    while (s.now() < begun + seconds(20)) {
      const std::string by = co_await s.call();
      failed += by == "10.0.1.2" ? 0 : 1;
      co_await s.pause(milliseconds(10));
    }
    const std::vector<TimePoint> trials = s.told(0).called;
    EXPECT_EQ(static_cast<std::size_t>(failed), trials.size());
    EXPECT_GE(trials.size(), 8u);  // every two seconds at last
    EXPECT_LE(trials.size(), 20u);
    if (trials.size() > 4) {
      EXPECT_LT(trials[1] - trials[0], milliseconds(1400));
      EXPECT_GT(trials[4] - trials[3], milliseconds(1400));
    }
    s.told(0).calls = Way::well;
    const TimePoint healed = s.now();
    while (s.health(0) == Health::unhealthy && s.now() < healed + seconds(30)) (void)co_await s.call();
    EXPECT_LT(s.now() - healed, seconds(3));
    EXPECT_NE(s.health(0), Health::unhealthy);
  });
}

TEST(HealthScene, ATrialThatItsClientGivesUpLeavesThePlaceToTheNext) {
  play(2, [](HealthScene& s) -> Task<void> {
    s.told(0).calls = Way::busy;
    while (s.health(0) != Health::unhealthy && s.told(0).called.size() < 50) (void)co_await s.call();
    s.told(0).calls = Way::hangs;
    s.told(0).called.clear();
    const TimePoint begun = s.now();
    while (s.told(0).called.size() < 6 && s.now() < begun + seconds(9)) {
      (void)co_await s.call(milliseconds(50));
      co_await s.pause(milliseconds(20));
    }
    EXPECT_EQ(s.told(0).called.size(), 6u);
    EXPECT_EQ(s.told(0).most_under_way, 1);
    EXPECT_EQ(s.endpoint(0)->in_flight(), 0u);
  });
}

TEST(HealthScene, WithoutABreakerAtMostOneTrialIsUnderWay) {
  play(
      2,
      [](HealthScene& s) -> Task<void> {
        s.told(0).calls = Way::busy;
        while (s.health(0) != Health::unhealthy && s.told(0).called.size() < 50) (void)co_await s.call();
        s.told(0).calls = Way::hangs;
        s.told(0).called.clear();
        co_await s.pause(seconds(1));
        Nursery many;
        const auto once = [](HealthScene& scene) -> Task<void> { (void)co_await scene.call(); };
        for (int i = 0; i < 40; ++i) many.start(once(s));
        co_await many.join();
        EXPECT_EQ(s.told(0).called.size(), 1u);
      },
      no_breaker);
}

// Probes pass and calls hang; those that may be repeated are answered elsewhere, so none fails. Whoever is
// outrun is left alone at once, but for a look now and then: one of 64, after half a second.
TEST(HealthScene, WhoHangsOnCallsThatOthersAnswerIsLeftAlone) {
  const auto tune = [](ServerConfig& server) {
    server.load_balancing.strategy = LoadBalancingConfig::Strategy::adaptive_latency;
    server.tools["echo"].safe_to_repeat = true;
  };
  play(
      3,
      [](HealthScene& s) -> Task<void> {
        co_await learn_what_is_usual(s);
        Nursery waiting;
        int failed = 0;
        const TimePoint begun = s.now();
        s.told(0).calls = Way::hangs;
        while (s.now() < begun + seconds(6)) {
          waiting.start(one_call(s, failed));
          co_await s.pause(milliseconds(7));
        }
        co_await waiting.join();
        EXPECT_EQ(failed, 0);
        const auto before = [&](Duration time) {
          const auto came = [&](TimePoint at) { return at - begun > milliseconds(20) && at - begun < time; };
          return std::count_if(s.told(0).called.begin(), s.told(0).called.end(), came);
        };
        EXPECT_EQ(before(milliseconds(500)), 0);
        EXPECT_LT(before(seconds(6)), 20);
      },
      tune);
}

// Given up for being late, it is but slow: whichever strategy sends it calls.
TEST(HealthScene, WhoIsOutrunIsNotAccused) {
  play(
      3,
      [](HealthScene& s) -> Task<void> {
        co_await learn_what_is_usual(s);
        Nursery waiting;
        int failed = 0;
        s.told(0).call_delay = milliseconds(600);
        for (const TimePoint over = s.now() + seconds(4); s.now() < over;) {
          waiting.start(one_call(s, failed));
          co_await s.pause(milliseconds(20));
          EXPECT_NE(s.health(0), Health::unhealthy);
        }
        co_await waiting.join();
        EXPECT_EQ(failed, 0);
      },
      [](ServerConfig& server) { server.tools["echo"].safe_to_repeat = true; });
}

TEST(HealthScene, WhoComesBackGetsItsShareLittleByLittle) {
  play(
      2,
      [](HealthScene& s) -> Task<void> {
        s.told(0).tell(Way::hangs);
        (void)co_await s.until([&s] { return s.health(0) == Health::unhealthy; }, seconds(5));
        s.told(0).tell(Way::well);
        (void)co_await s.until([&s] { return s.health(0) == Health::healthy; }, seconds(30));
        const std::size_t before = s.told(0).called.size();
        for (int i = 0; i < 100; ++i) (void)co_await s.call();
        const std::size_t at_first = s.told(0).called.size() - before;
        co_await s.pause(seconds(6));
        for (int i = 0; i < 100; ++i) (void)co_await s.call();
        const std::size_t later = s.told(0).called.size() - before - at_first;
        EXPECT_LT(at_first, 25u);
        EXPECT_EQ(later, 50u);
      },
      [](ServerConfig& server) { server.load_balancing.slow_start = seconds(5); });
}

TEST(HealthScene, ABackupGetsCallsOnlyWhileItIsNeeded) {
  play(
      2,
      [](HealthScene& s) -> Task<void> {
        for (int i = 0; i < 10; ++i) (void)co_await s.call();
        EXPECT_TRUE(s.told(1).called.empty());
        s.told(0).tell(Way::hangs);
        (void)co_await s.until([&s] { return s.health(0) == Health::unhealthy; }, seconds(5));
        EXPECT_FALSE(s.in_panic());
        for (int i = 0; i < 10; ++i) {
          const std::string by = co_await s.call();
          EXPECT_EQ(by, "10.0.1.2");
        }
        s.told(0).tell(Way::well);
        (void)co_await s.until([&s] { return s.health(0) == Health::healthy; }, seconds(30));
        const std::string by = co_await s.call();
        EXPECT_EQ(by, "10.0.1.1");
      },
      [](ServerConfig& server) { server.endpoints[1].priority = 1; });
}

TEST(HealthScene, InPanicAllAreTried) {
  play(3, [](HealthScene& s) -> Task<void> {
    s.told(0).probes = s.told(1).probes = Way::hangs;
    (void)co_await s.until([&s] { return s.in_panic(); }, seconds(5));
    EXPECT_TRUE(s.in_panic());
    for (int i = 0; i < 9; ++i) (void)co_await s.call();
    for (std::size_t i = 0; i < 3; ++i) EXPECT_EQ(s.told(i).called.size(), 3u) << i;
  });
}

TEST(HealthScene, WhoIsOutGetsNoCallsOutsidePanic) {
  play(3, [](HealthScene& s) -> Task<void> {
    s.told(0).probes = Way::hangs;
    (void)co_await s.until([&s] { return s.health(0) == Health::unhealthy; }, seconds(5));
    for (int i = 0; i < 20; ++i) (void)co_await s.call();
    EXPECT_TRUE(s.told(0).called.empty());
    EXPECT_EQ(s.told(1).called.size(), 10u);
  });
}

TEST(HealthScene, CallsThatAreAnsweredSpareProbes) {
  play(2, [](HealthScene& s) -> Task<void> {
    co_await s.pause(seconds(1));
    s.told(0).probed = 0;
    co_await s.pause(seconds(2));
    EXPECT_GE(s.told(0).probed, 6u);
    s.told(0).probed = 0;
    for (int i = 0; i < 100; ++i) {
      (void)co_await s.call();
      co_await s.pause(milliseconds(15));
    }
    EXPECT_EQ(s.told(0).probed, 0u);
  });
}

// A probe's time is over before its answer could be looked at, again and again: that is our own doing.
TEST(HealthScene, WhatIsSeenWhileWeAreLateOurselvesIsVoid) {
  play(2, [](HealthScene& s) -> Task<void> {
    s.told(0).delay = s.told(1).delay = milliseconds(30);
    co_await s.pause(seconds(3));
    s.told(0).probed = 0;
    bool out = false;
    for (int i = 0; i < 60; ++i) {
      s.stall(milliseconds(400));
      co_await s.pause(milliseconds(7 + i % 13));
      out = out || s.health(0) == Health::unhealthy || s.health(1) == Health::unhealthy;
    }
    EXPECT_FALSE(out);
    EXPECT_GE(s.told(0).probed, 20u);
  });
}

TEST(HealthScene, AHealthPathIsAskedAndDecides) {
  play(
      2,
      [](HealthScene& s) -> Task<void> {
        s.told(0).probes = Way::busy;  // the path's answer, while calls are answered
        const Duration down = co_await s.until([&s] { return s.health(0) == Health::unhealthy; }, seconds(5));
        EXPECT_LT(down, seconds(1));
      },
      [](ServerConfig& server) { server.health_check.type = HealthCheckConfig::Type::http; });
}

TEST(HealthScene, AConnectionAloneIsEnoughWhereItIsAskedFor) {
  play(
      2,
      [](HealthScene& s) -> Task<void> {
        s.told(0).probes = Way::hangs;  // nobody asks
        co_await s.pause(seconds(3));
        EXPECT_EQ(s.health(0), Health::healthy);
        s.set_down(0, true);
        const Duration down = co_await s.until([&s] { return s.health(0) == Health::unhealthy; }, seconds(5));
        EXPECT_LT(down, seconds(1));
      },
      [](ServerConfig& server) { server.health_check.type = HealthCheckConfig::Type::tcp; });
}

}  // namespace
}  // namespace weir
