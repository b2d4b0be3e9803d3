// Every short sequence of evidence, and long random ones: what must hold whatever comes.
#include <gtest/gtest.h>

#include <array>
#include <deque>
#include <memory>
#include <random>
#include <vector>

#include "health/verdict.h"
#include "health/verdict_rig.h"

namespace weir {
namespace {

using std::chrono::milliseconds;
using std::chrono::seconds;

enum class Step : std::uint8_t {
  pass,
  time_out,
  time_out_answered,
  refuse,
  fail_calls,  // as many in a row as eject
  fail_5xx,    // one
  cannot_connect,
  succeed,
  try_good,
  try_bad,
  misdirect,
  wait_long,
};
constexpr std::size_t kSteps = 12;
constexpr std::array<const char*, kSteps> kNames = {
    "pass",           "time_out", "time_out_answered", "refuse",  "fail_calls", "fail_5xx",
    "cannot_connect", "succeed",  "try_good",          "try_bad", "misdirect",  "wait_long"};

// A server of some endpoints that share a quota and a clock, watched from outside.
class Server {
 public:
  Server(std::size_t endpoints, bool breaks) : endpoints_(endpoints), breaks_(breaks) {
    quota_.set(endpoints, 0.5);
    CircuitBreakerConfig breaker;
    breaker.enabled = breaks;
    for (std::size_t i = 0; i < endpoints; ++i) {
      rigs_.push_back(
          std::make_unique<VerdictRig>(quota_, HealthCheckConfig(), OutlierDetectionConfig(), breaker));
      rigs_.back()->pass();
    }
    watched_.resize(endpoints);
  }

  // Says what is wrong after the step; empty: nothing.
  std::string step(std::size_t place, Step step) {
    VerdictRig& rig = *rigs_[place];
    Watched& watched = watched_[place];
    const Health before = rig.health();
    const bool on_trial = rig.on_trial() && !rig.reason().starts_with("held back");
    const Duration idle = rig.now - watched.idle_since;
    // With a breaker, calls that met with nobody are over when somebody is there.
    watched.was_absent = before == Health::unhealthy && (watched.was_absent || rig.verdict.absent());
    const bool met_nobody = breaks_ && watched.was_absent;
    act(rig, step, watched);
    for (auto& other : rigs_)
      if (other.get() != &rig) {
        // One clock for all, and the others' time passes, too.
        other->now = rig.now;
        other->verdict.tick(other->now, other->window.read(other->now));
        other->clear_if_back();
      }
    if (step == Step::pass && on_trial && !met_nobody && watched.fell < 2 && idle < seconds(10) &&
        rig.health() != Health::unhealthy && before == Health::unhealthy)
      return "a probe alone brought back what fails calls";
    if (watched.passed >= 2) watched.fell = 0;
    for (std::size_t i = 0; i < endpoints_; ++i)
      if (std::string wrong = look(i); !wrong.empty()) return wrong;
    return look_at_all();
  }

  // Whether each is healthy within the time that it may take at most, once all is well: with calls (and so
  // trials) or with probes alone.
  bool recovers(bool calls) {
    for (auto& rig : rigs_) {
      for (int i = 0; i < 350 && rig->health() != Health::healthy; ++i) {
        rig->verdict.misdirected(rig->now, "");
        rig->clear_if_back();
        rig->pass();
        if (calls && rig->health() != Health::unhealthy) rig->succeed(1);
        if (calls && rig->until_trial() <= Duration::zero()) rig->try_out(true);
        rig->wait(milliseconds(250));
      }
      if (rig->health() != Health::healthy) return false;
    }
    return true;
  }
  // What is left of the quota once all are gone.
  std::size_t end() {
    rigs_.clear();
    return quota_.out();
  }
  std::size_t changes() const { return changes_; }

 private:
  struct Watched {
    Health health = Health::healthy;
    TimePoint since{};
    std::deque<std::pair<TimePoint, bool>> changes;  // within a minute; whether down
    int fell = 0;                                    // probes in a row that failed with nothing answered
    int passed = 0;
    TimePoint idle_since{};
    bool misdirected = false;
    bool was_absent = false;
  };

  void act(VerdictRig& rig, Step step, Watched& watched) {
    rig.now += milliseconds(50);
    switch (step) {
      case Step::pass:
        ++watched.passed;
        return rig.pass();
      case Step::time_out:
      case Step::refuse:
        watched.passed = 0;
        if (watched.fell < 2) ++watched.fell;
        return step == Step::refuse ? rig.refuse() : rig.time_out(1, false, breaks_);
      case Step::time_out_answered:
        watched.passed = 0;
        if (watched.fell < 2) watched.fell = 0;
        return rig.time_out(1, true);
      case Step::fail_calls:
        if (!rig.on_trial()) watched.idle_since = rig.now;
        return rig.fail(3);
      case Step::fail_5xx:
        if (!rig.on_trial()) watched.idle_since = rig.now;
        return rig.fail(1, Fault::server_error, "HTTP 503");
      case Step::cannot_connect:
        if (!rig.on_trial()) watched.idle_since = rig.now;
        return rig.fail(3, Fault::connect, "connection refused");
      case Step::succeed:
        return rig.succeed(1);
      case Step::try_good:
      case Step::try_bad:
        watched.idle_since = rig.now;
        return rig.try_out(step == Step::try_good);
      case Step::misdirect:
        watched.misdirected = !watched.misdirected;
        rig.verdict.misdirected(rig.now, watched.misdirected ? "another server" : "");
        return rig.clear_if_back();
      case Step::wait_long:
        return rig.wait(milliseconds(2500));
    }
  }

  std::string look(std::size_t place) {
    const VerdictRig& rig = *rigs_[place];
    const Verdict& verdict = rig.verdict;
    Watched& watched = watched_[place];
    const bool out = verdict.health() == Health::unhealthy;
    if (verdict.reason().empty() != (verdict.health() == Health::healthy))
      return "reason and health disagree";
    if (verdict.absent() && !out) return "absent, but not out";
    if (rig.on_trial() && !out) return "on trial, but not out";
    if (rig.on_trial() && (verdict.absent() || watched.misdirected))
      return "a trial where nothing can come of it";
    if (out && !verdict.suspect()) return "out, but not suspect";
    if (out != (verdict.gate() == Verdict::Gate::open)) return "the breaker is not as it stands";
    if (verdict.silent() && !(out && breaks_)) return "silent, but not out";
    if (watched.misdirected && verdict.reason() != "another server")
      return "misdirected, but it says otherwise";
    if (watched.misdirected && !out) return "misdirected, but not out";
    if (verdict.health() == watched.health) {
      // A step of two pieces of evidence may bring it up and down again.
      if (watched.since != TimePoint{} && verdict.since() != watched.since && verdict.since() != rig.now)
        return "since without a change";
      watched.since = verdict.since();
      return {};
    }
    ++changes_;
    if (verdict.since() > rig.now || rig.now - verdict.since() > milliseconds(2500))
      return "since is no change's";
    const bool down = out;
    const bool leave = down && !breaks_;  // of the quota: what trips a breaker needs none
    if (leave && !verdict.absent() && !watched.misdirected && endpoints_ == 1)
      return "the only one was taken out";
    if (leave && !verdict.absent() && !watched.misdirected && in_service() == 0)
      return "the last one was taken out";
    watched.health = verdict.health();
    watched.since = verdict.since();
    watched.changes.emplace_back(verdict.since(), down);
    while (watched.changes.front().first <= verdict.since() - seconds(60)) watched.changes.pop_front();
    std::size_t downs = 0;
    for (const auto& change : watched.changes) downs += change.second ? 1 : 0;
    if (watched.changes.size() > 12) return "more than 12 changes in a minute";
    if (downs > 6) return "more than 6 downs in a minute";
    return {};
  }

  std::string look_at_all() const {
    std::size_t tried = 0;
    for (const auto& rig : rigs_) tried += rig->on_trial() ? 1 : 0;
    if (quota_.out() != endpoints_ - in_service()) return "the quota counts others than who is out";
    // Whoever is on trial is out for calls' sake alone.
    if (!breaks_ && tried > (endpoints_ == 1 ? 0 : std::max<std::size_t>(1, endpoints_ / 2)))
      return "too many ejected";
    return {};
  }
  std::size_t in_service() const {
    std::size_t in = 0;
    for (const auto& rig : rigs_) in += rig->health() != Health::unhealthy ? 1 : 0;
    return in;
  }

  std::size_t endpoints_;
  bool breaks_;
  EjectionQuota quota_;
  std::vector<std::unique_ptr<VerdictRig>> rigs_;
  std::vector<Watched> watched_;
  std::size_t changes_ = 0;
};

std::string run(std::size_t endpoints, const std::vector<std::pair<std::size_t, Step>>& steps, bool breaks) {
  Server server(endpoints, breaks);
  std::string told;
  for (const auto& [place, step] : steps) {
    told += std::to_string(place) + ":" + kNames[static_cast<std::size_t>(step)] + " ";
    if (std::string wrong = server.step(place, step); !wrong.empty()) return wrong + " after " + told;
  }
  return server.end() == 0 ? std::string() : "permits are left after " + told;
}

// All sequences over an alphabet, given as places and steps.
void run_all(std::size_t endpoints, const std::vector<std::pair<std::size_t, Step>>& alphabet,
             std::size_t length) {
  std::vector<std::size_t> digits(length, 0);
  std::vector<std::pair<std::size_t, Step>> steps(length);
  int wrong = 0;
  while (wrong < 5) {
    for (std::size_t i = 0; i < length; ++i) steps[i] = alphabet[digits[i]];
    for (const bool breaks : {false, true})
      if (const std::string said = run(endpoints, steps, breaks); !said.empty()) {
        ADD_FAILURE() << said << (breaks ? "with a breaker" : "");
        ++wrong;
      }
    std::size_t i = 0;
    while (i < length && ++digits[i] == alphabet.size()) digits[i++] = 0;
    if (i == length) return;
  }
}

TEST(VerdictSequences, OneEndpointAllOfLengthFourOrSix) {
  std::vector<std::pair<std::size_t, Step>> alphabet;
  for (std::size_t i = 0; i < kSteps; ++i)
    if (static_cast<Step>(i) != Step::misdirect && static_cast<Step>(i) != Step::fail_5xx)
      alphabet.emplace_back(0, static_cast<Step>(i));
  run_all(1, alphabet, 4);
  run_all(
      1,
      {{0, Step::pass}, {0, Step::time_out}, {0, Step::refuse}, {0, Step::fail_calls}, {0, Step::try_good}},
      6);
}

TEST(VerdictSequences, OneOfTwoAllOfLengthFour) {
  std::vector<std::pair<std::size_t, Step>> alphabet;
  for (std::size_t i = 0; i < kSteps; ++i) alphabet.emplace_back(0, static_cast<Step>(i));
  run_all(2, alphabet, 4);
}

TEST(VerdictSequences, ProbesAgainstCallsAllOfLengthSix) {
  run_all(
      2,
      {{0, Step::pass}, {0, Step::time_out}, {0, Step::fail_calls}, {0, Step::try_good}, {0, Step::refuse}},
      6);
}

TEST(VerdictSequences, TwoSideBySideAllOfLengthSix) {
  run_all(2,
          {{0, Step::time_out},
           {0, Step::fail_calls},
           {0, Step::pass},
           {1, Step::time_out},
           {1, Step::cannot_connect},
           {1, Step::pass}},
          6);
}

TEST(VerdictSequences, WhateverCameItRecovers) {
  for (std::size_t i = 0; i < kSteps * kSteps * kSteps; ++i)
    for (const auto& [calls, breaks] :
         {std::pair(true, false), std::pair(false, false), std::pair(true, true), std::pair(false, true)}) {
      Server server(2, breaks);
      std::string told;
      for (std::size_t digit = 0, left = i; digit < 3; ++digit, left /= kSteps) {
        server.step(0, static_cast<Step>(left % kSteps));
        server.step(0, static_cast<Step>(left % kSteps));  // twice: thresholds are of several in a row
        told += kNames[left % kSteps] + std::string(" ");
      }
      ASSERT_TRUE(server.recovers(calls)) << told;
      ASSERT_EQ(server.end(), 0u);
    }
}

TEST(VerdictSequences, LongRandomOnes) {
  std::size_t changes = 0;
  for (std::uint64_t seed = 1; seed <= 60; ++seed) {
    std::mt19937_64 random(seed);
    const std::size_t endpoints = 1 + seed % 4;
    Server server(endpoints, seed % 2 == 0);
    std::size_t place = 0;
    auto step = Step::pass;
    for (int i = 0; i < 1500; ++i) {
      // The same again, often: thresholds are of several in a row.
      if (random() % 2 == 0) {
        place = random() % endpoints;
        step = static_cast<Step>(random() % kSteps);
        if (step == Step::wait_long && seed % 3 != 0)
          step = Step::pass;  // else little happens within a minute
      }
      const std::string wrong = server.step(place, step);
      ASSERT_EQ(wrong, "") << "seed " << seed << " step " << i << " "
                           << kNames[static_cast<std::size_t>(step)];
    }
    changes += server.changes();
    EXPECT_TRUE(server.recovers(seed % 4 < 2)) << "seed " << seed;
    ASSERT_EQ(server.end(), 0u);
  }
  EXPECT_GT(changes, 1000u);  // else this has tested little
}

}  // namespace
}  // namespace weir
