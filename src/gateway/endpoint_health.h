// How well one endpoint does: what its calls and its probes say, judged in one place on its home shard, and
// the fiber that probes it. Calls are counted by any shard. Its circuit breaker is moved as the verdict says.
// Source: R7-R12; docs/design/007-balancing.md, docs/design/009-breaker.md.
#pragma once

#include <atomic>
#include <functional>
#include <memory>
#include <mutex>
#include <string>
#include <vector>

#include "base/error.h"
#include "config/config.h"
#include "health/lag.h"
#include "health/probe_timer.h"
#include "health/verdict.h"
#include "health/window.h"
#include "resilience/breaker.h"
#include "runtime/shard.h"
#include "runtime/task.h"
#include "runtime/waiter.h"

namespace weir {

/// What a failed call says of its endpoint; nothing: it is the client's doing, or the tool's, or nobody's.
/// `silent`: the endpoint has answered nothing else since the call began.
std::optional<Fault> fault_of(const Error& error, bool silent) noexcept;

/// One change of an endpoint's circuit breaker.
struct BreakerChange {
  WallTime at{};
  BreakerState from = BreakerState::closed;
  BreakerState to = BreakerState::closed;
  std::string reason;  // one short sentence
};

class EndpointHealth {
 public:
  /// Changes of the breaker that are kept.
  static constexpr std::size_t kHistory = 20;
  /// What it judges by, and whom it tells; all of it outlives this.
  struct Options {
    HealthCheckConfig checks;
    OutlierDetectionConfig outliers;
    CircuitBreakerConfig breaker;
    const EndpointFacts* facts = nullptr;
    const std::atomic<std::uint32_t>* asking = nullptr;  // calls in flight that wait for their clients
    bool alone = true;                                   // the server has no other endpoint
    EjectionQuota* quota = nullptr;                      // that its endpoints share
    Shard* home = nullptr;
    bool probes = true;  // it is asked by itself whether it is there
    /// One probe: whether it is there. Home shard.
    std::function<Task<Result<void>>(TimePoint deadline, CancelScope& cancel)> probe;
    std::function<bool()> known;    // it has introduced itself, so that it can be probed. Home shard
    std::function<void()> changed;  // the verdict is another one. Home shard
    std::function<void(const BreakerChange&)> breaker_changed;  // Home shard
    std::function<std::shared_ptr<const void>()> keep;  // what owns this, until mail to it has been read
  };
  explicit EndpointHealth(Options options);

  /// A call was answered; it failed by the endpoint's fault. Any shard.
  void succeeded(TimePoint now) noexcept { window_.succeeded(now); }
  void failed(Fault fault, TimePoint now, const std::string& why);
  /// When a call was last answered. Any shard.
  TimePoint last_success(TimePoint now) const noexcept { return window_.read(now).last_success; }

  /// True if there is a circuit breaker; without one a lone endpoint gets its calls whatever is known of it.
  bool breaks() const noexcept { return options_.breaker.enabled; }
  /// True if calls need no permit. Any shard, as the next six.
  bool closed() const noexcept { return breaker_.closed(); }
  const Breaker& breaker() const noexcept { return breaker_; }
  /// As operators are shown it.
  BreakerState breaker_state() const noexcept { return breaks() ? breaker_.state() : BreakerState::closed; }
  /// True while it is open or half open, and calls may try it sooner or later.
  bool takes_trials() const noexcept;
  /// Leave for one call to an endpoint whose breaker is not closed; empty: none may go now.
  Breaker::Permit enter(TimePoint now) { return breaker_.enter(now); }
  /// The last changes of the breaker, oldest first.
  std::vector<BreakerChange> breaker_history() const;
  /// An operator closes the breaker: what is known against the endpoint is forgotten. Home shard.
  void reset();

  /// It is asked who it is; it has said so (`anew`: as another process than before), or not. Not told to
  /// `changed`. Home shard.
  void greeted(bool anew);
  void greeting_begun() noexcept {
    greeting_since_ = home_.now();
    nudge_.wake();
  }
  void greeting_failed(const Error& error);
  /// It speaks for another server than its siblings; empty: it does no more. Any shard.
  void misdirected(std::string reason);
  /// Whether the server has no other endpoint, and whether this one can be given calls, from now on. Any
  /// shard.
  void set_place(bool alone, bool takes_part);
  /// Whether calls wait for it, and none was answered for a while: too short to say that it hangs, but where
  /// its siblings do. Any shard.
  bool keeps_silent(TimePoint now) const noexcept;
  /// So it was when the last of its siblings went: the second witness, if one is wanted. Any shard.
  void unanswered();
  /// It gets no calls any more: whether it is out is no matter for its siblings. Home shard.
  void leave() {
    verdict_.leave();
    set_away(away_);
  }
  /// It can't be used, whatever the verdict: it is not there, or wants credentials. Home shard.
  void set_away(bool away);
  /// The verdict. Home shard.
  const Verdict& verdict() const noexcept { return verdict_; }
  /// The pace at which an endpoint that is not there is looked for. Home shard.
  Duration pace() const noexcept;

  /// Probes whenever one is due, until `closing`. Home shard.
  Task<void> run(CancelScope& closing);

 private:
  template <class Evidence>
  bool judge(Evidence evidence);
  void take_failures();
  void gate_moved(Breaker::Event event);
  void sync_breaker(bool back);
  void note_breaker(BreakerState now);
  void renew_permits(TimePoint now);
  bool owes() const noexcept;
  bool silent(TimePoint now) const noexcept;
  ProbeTimer::Seen seen(TimePoint now) const noexcept;
  TimePoint next_due(TimePoint now) const;
  TimePoint together(TimePoint due) const;
  Task<void> probe_once(CancelScope& closing);

  const Options options_;
  Shard& home_;
  Window window_;
  Breaker breaker_;
  std::atomic<bool> failures_wait_{false};  // mail is under way to judge them
  std::mutex why_lock_;
  std::string why_;  // of the last failure
  mutable std::mutex history_lock_;
  std::vector<BreakerChange> history_;  // its lock

  // Home shard.
  struct Told {
    Health health = Health::unknown;
    bool absent = false;
    bool silent = false;
    bool failing = false;
    bool wants_witness = false;
    bool trials = false;
    std::string reason;
    TimePoint at{};
  };
  Told told_;  // of the verdict, last
  Verdict verdict_;
  BreakerState shown_ = BreakerState::closed;  // of the breaker, last
  std::string last_reason_;                    // of the verdict, when it had one
  TimePoint moved_at_{};                       // when a permit was given back last, or the breaker changed
  ProbeTimer timer_;
  Lag lag_;
  Random chance_;
  double draw_ = 0.5;       // of the next probe's pause
  TimePoint probed_{};      // when the last one ended; epoch: none did
  TimePoint down_since_{};  // epoch: it is not unhealthy
  bool alone_;
  bool away_ = false;
  bool away_counts_ = false;             // in the quota, where the verdict does not
  TimePoint idle_at_{};                  // when nothing was seen under way last
  Duration first_timeout_{};             // of the first of the probes in a row that failed; 0: none did
  TimePoint greeting_since_ = kForever;  // it has been asked who it is and has not said
  bool greeting_late_ = false;           // and that was held against it
  Waiter nudge_;
};

}  // namespace weir
