// How well one endpoint does: what its calls and its probes say, judged in one place on its home shard, and
// the fiber that probes it. Calls are counted by any shard. Source: R7-R11; docs/design/007-balancing.md.
#pragma once

#include <atomic>
#include <functional>
#include <memory>
#include <mutex>
#include <string>

#include "base/error.h"
#include "config/config.h"
#include "health/lag.h"
#include "health/probe_timer.h"
#include "health/verdict.h"
#include "health/window.h"
#include "runtime/shard.h"
#include "runtime/task.h"
#include "runtime/waiter.h"

namespace weir {

/// What a failed call says of its endpoint; nothing: it is the client's doing, or the tool's, or nobody's.
/// `silent`: the endpoint has answered nothing else since the call began.
std::optional<Fault> fault_of(const Error& error, bool silent) noexcept;

class EndpointHealth {
 public:
  /// What it judges by, and whom it tells; all of it outlives this.
  struct Options {
    HealthCheckConfig checks;
    OutlierDetectionConfig outliers;
    bool alone = true;               // the server has no other endpoint
    EjectionQuota* quota = nullptr;  // that its endpoints share
    Shard* home = nullptr;
    bool probes = true;  // it is asked by itself whether it is there
    /// One probe: whether it is there. Home shard.
    std::function<Task<Result<void>>(TimePoint deadline, CancelScope& cancel)> probe;
    std::function<bool()> known;    // it has introduced itself, so that it can be probed. Home shard
    std::function<void()> changed;  // the verdict is another one. Home shard
    std::function<std::shared_ptr<const void>()> keep;  // what owns this, until mail to it has been read
  };
  explicit EndpointHealth(Options options);

  /// A call was answered; it failed by the endpoint's fault. Any shard.
  void succeeded(TimePoint now) noexcept { window_.succeeded(now); }
  void failed(Fault fault, TimePoint now, const std::string& why);
  /// When a call was last answered. Any shard.
  TimePoint last_success(TimePoint now) const noexcept { return window_.read(now).last_success; }

  /// True while it is out for failing calls. Any shard.
  bool takes_trials() const noexcept {
    return trial_at_.load(std::memory_order_relaxed) != std::numeric_limits<std::int64_t>::max();
  }
  /// Leave for one call to an endpoint that is out; given to one at a time, and given back by end_trial().
  /// Any shard.
  bool begin_trial(TimePoint now) noexcept;
  /// `good` nothing: its client gave it up.
  void end_trial(std::optional<bool> good);

  /// It is asked who it is; it has said so, or not. Not told to `changed`. Home shard.
  void greeted();
  void greeting_begun() noexcept {
    greeting_since_ = home_.now();
    nudge_.wake();
  }
  void greeting_failed(const Error& error);
  /// It speaks for another server than its siblings; empty: it does no more. Any shard.
  void misdirected(std::string reason);
  /// Whether the server has no other endpoint, from now on. Any shard.
  void set_alone(bool alone);
  /// It gets no calls any more: whether it is out is no matter for its siblings. Home shard.
  void leave() { verdict_.leave(); }
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
  ProbeTimer::Seen seen(TimePoint now) const noexcept;
  TimePoint next_due(TimePoint now) const;
  TimePoint together(TimePoint due) const;
  Task<void> probe_once(CancelScope& closing);

  const Options options_;
  Shard& home_;
  Window window_;
  std::atomic<std::int64_t> trial_at_;  // facts_time() from which a trial may begin
  std::atomic<bool> trial_runs_{false};
  std::atomic<bool> failures_wait_{false};  // mail is under way to judge them
  std::mutex why_lock_;
  std::string why_;  // of the last failure

  // Home shard.
  struct Told {
    Health health = Health::unknown;
    bool absent = false;
    bool trials = false;
    std::string reason;
    TimePoint at{};
  };
  Told told_;  // of the verdict, last
  Verdict verdict_;
  ProbeTimer timer_;
  Lag lag_;
  Random chance_;
  double draw_ = 0.5;                    // of the next probe's pause
  TimePoint probed_{};                   // when the last one ended; epoch: none did
  TimePoint down_since_{};               // epoch: it is not unhealthy
  TimePoint greeting_since_ = kForever;  // it has been asked who it is and has not said
  bool greeting_late_ = false;           // and that was held against it
  Waiter nudge_;
};

}  // namespace weir
