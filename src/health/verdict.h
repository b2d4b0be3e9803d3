// The one place that turns evidence into how an endpoint stands: probes, calls, trials in; health, reason and
// since out. Pure: time comes with each piece of evidence. One endpoint's, on its home shard; what the
// endpoints of a server may not all do at once is in the EjectionQuota that they share. Source: R6, R8-R11;
// resilience design section 2; Envoy's outlier detection, HAProxy's rise and fall.
#pragma once

#include <atomic>
#include <cstdint>
#include <deque>
#include <optional>
#include <string>

#include "call/endpoint_facts.h"
#include "config/config.h"
#include "health/window.h"

namespace weir {

/// How many endpoints of one server are out, by what sort of evidence: so that health never makes an outage
/// of its own. Any shard.
class EjectionQuota {
 public:
  /// Of `endpoints`; `max_ejected` is the share that calls' failures may take out (one always may be).
  void set(std::size_t endpoints, double max_ejected) noexcept;
  /// Takes one out for failing calls; false: there are too many out already.
  bool eject() noexcept;
  void restore() noexcept;
  /// Takes one out for slow probes alone; false: it is the last one that is in.
  bool rule_out() noexcept;
  void rule_in() noexcept;
};

class Verdict {
 public:
  /// `alone`: the server has no other endpoint. The quota outlives this.
  Verdict(HealthCheckConfig checks, OutlierDetectionConfig outliers, EjectionQuota& quota);
  ~Verdict();  // gives back what it holds of the quota

  /// It has introduced itself: a probe that passed, and enough alone where nothing was known.
  void greeted(TimePoint now);
  void probe_passed(TimePoint now);
  /// `answering`: calls to it were answered since the probe began.
  void probe_failed(TimePoint now, Fault fault, const std::string& reason, bool answering);
  /// Calls have failed; the window as it is. Called after each failure that was noted (or several at once),
  /// and now and then while it is not healthy.
  void calls_failed(TimePoint now, const Window::Reading& reading, const std::string& reason);
  /// A trial call has ended. Neither: its client gave it up.
  void trial_ended(TimePoint now, std::optional<bool> good);
  /// It speaks for another server than its siblings (or, empty, does no more).
  void misdirected(TimePoint now, const std::string& reason);
  /// Time passes: what is due by itself. Called at least once a second.
  void tick(TimePoint now, const Window::Reading& reading);

  Health health() const noexcept;
  /// Nothing is there, for certain.
  bool absent() const noexcept;
  /// One short sentence; empty while healthy.
  const std::string& reason() const noexcept;
  /// Since when health() is what it is; its beginning before the first change.
  TimePoint since() const noexcept;
  /// Something speaks against it that is not decided: to be probed at the quicker pace.
  bool suspect() const noexcept;
  /// From when on one call may go to it as a trial, while it is out for failing calls; kForever: none may.
  /// Taking one is the caller's: at most one is under way.
  TimePoint trial_at() const noexcept;
  /// `random` in [0, 1): jitter of pauses. Set before evidence comes.
  void set_chance(double (*draw)(void*), void* source) noexcept;
};

}  // namespace weir
