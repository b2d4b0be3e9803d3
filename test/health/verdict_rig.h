// An endpoint as its home shard would keep it: a window, a verdict and a clock that the test moves.
#pragma once

#include <gtest/gtest.h>

#include <algorithm>
#include <optional>
#include <string>

#include "health/verdict.h"

namespace weir {

struct VerdictRig {
  /// Without a circuit breaker unless told.
  VerdictRig(EjectionQuota& quota, HealthCheckConfig checks = {}, OutlierDetectionConfig outliers = {},
             CircuitBreakerConfig breaker = without_breaker())
      : needed(breaker.enabled ? breaker.success_threshold : checks.healthy_threshold),
        window(outliers.window),
        verdict(std::move(checks), outliers, breaker, quota) {}
  static CircuitBreakerConfig without_breaker() {
    CircuitBreakerConfig breaker;
    breaker.enabled = false;
    return breaker;
  }

  /// Moves the clock on, tick by tick.
  void wait(Duration span) {
    for (const TimePoint end = now + span; now < end;) {
      now = std::min<TimePoint>(end, now + std::chrono::milliseconds(500));
      verdict.tick(now, window.read(now));
      clear_if_back();
    }
  }
  /// Calls, then a look at the window as time passes.
  void succeed(int calls) {
    for (int i = 0; i < calls; ++i) window.succeeded(now);
    verdict.tick(now, window.read(now));
    clear_if_back();
  }
  void fail(int calls, Fault fault = Fault::reset, const std::string& reason = "connection reset") {
    for (int i = 0; i < calls; ++i) {
      now += std::chrono::microseconds(1);  // newer than what was heard before
      window.failed(fault, now);
      verdict.calls_failed(now, window.read(now), reason);
      clear_if_back();
    }
  }
  void pass(int probes = 1) {
    for (int i = 0; i < probes; ++i) {
      verdict.probe_passed(now);
      clear_if_back();
    }
  }
  void time_out(int probes = 1, bool answering = false, bool silent = false) {
    for (int i = 0; i < probes; ++i) {
      verdict.probe_failed(now, Fault::timeout, "probe timed out", answering, silent);
      clear_if_back();
    }
  }
  void refuse(int probes = 1) {
    for (int i = 0; i < probes; ++i) {
      verdict.probe_failed(now, Fault::connect, "connection refused", false);
      clear_if_back();
    }
  }
  /// Trial calls, counted in the window as all calls are.
  void try_out(bool good, int calls = 1) {
    for (int i = 0; i < calls; ++i) {
      good ? window.succeeded(now) : window.failed(Fault::reset, now);
      if (!good) verdict.calls_failed(now, window.read(now), "connection reset");
      verdict.trial_ended(now, good);
      good_in_row = good ? good_in_row + 1 : 0;
      if (good_in_row >= needed) {
        verdict.proved(now);
        good_in_row = 0;
      }
      clear_if_back();
    }
  }
  void clear_if_back() {
    const bool out = verdict.health() == Health::unhealthy;
    if (was_out != out) good_in_row = 0;
    if (was_out && !out) window.clear();
    was_out = out;
  }
  Health health() const { return verdict.health(); }
  std::string reason() const { return verdict.reason(); }
  /// How long until a trial may go; negative: one may now.
  Duration until_trial() const { return verdict.trial_at() - now; }
  bool on_trial() const { return verdict.trial_at() != kForever; }

  std::size_t needed;  // good trials in a row, as the breaker counts them
  std::size_t good_in_row = 0;
  TimePoint now{std::chrono::hours(1)};
  Window window;
  Verdict verdict;
  bool was_out = false;
};

/// One of two endpoints, with chance in the test's hand.
struct VerdictTest : testing::Test {
  VerdictTest() {
    quota.set(2, 0.5);
    rig.emplace(quota);
    rig->verdict.set_chance([](void* at) { return *static_cast<double*>(at); }, &chance);
  }
  VerdictRig& known() {
    rig->pass(2);
    return *rig;
  }
  VerdictRig& ejected() {
    known().fail(3);
    return *rig;
  }
  double chance = 0.5;
  EjectionQuota quota;
  std::optional<VerdictRig> rig;
};

}  // namespace weir
