// The one place that turns evidence into how an endpoint stands: probes, calls, trials in; health, reason and
// since out. Pure: time comes with each piece of evidence. One endpoint's, on its home shard; what the
// endpoints of a server may not all do at once is in the EjectionQuota that they share. Invariants: it counts
// in the quota exactly while it is unhealthy; calls' failures outrank passing probes. Source: R6, R8-R11;
// resilience design section 2; Envoy's outlier detection, HAProxy's rise and fall.
#pragma once

#include <cstdint>
#include <optional>
#include <string>

#include "call/endpoint_facts.h"
#include "config/config.h"
#include "health/damping.h"
#include "health/ejection_quota.h"
#include "health/trials.h"
#include "health/window.h"

namespace weir {

class Verdict {
 public:
  /// What the circuit breaker is to be.
  enum class Gate : std::uint8_t {
    closed,
    open,       // calls may try it from trial_at() on
    half_open,  // it is eligible, but gets few calls at a time until they prove that it is well
  };
  /// The quota outlives this.
  Verdict(HealthCheckConfig checks, OutlierDetectionConfig outliers, CircuitBreakerConfig breaker,
          EjectionQuota& quota);
  Verdict(const Verdict&) = delete;
  Verdict& operator=(const Verdict&) = delete;
  ~Verdict();  // gives back what it holds of the quota

  /// It has introduced itself: a probe that passed, and enough alone where nothing was known or, with a
  /// breaker, probes had ruled it out. `anew`: it is another process than before, so what that one did speaks
  /// against it no more.
  void greeted(TimePoint now, bool anew = false);
  /// A probe was answered as it should be.
  void probe_passed(TimePoint now);
  /// `answering`: calls to it were answered since the probe began; `silent`: calls to it wait, and for long
  /// none was answered.
  void probe_failed(TimePoint now, Fault fault, const std::string& reason, bool answering,
                    bool silent = false);
  /// Calls to it wait, and none was answered meanwhile: the second witness beside probes that time out. Only
  /// while wants_witness().
  void unanswered(TimePoint now);
  /// Calls have failed; the window as it is. Called after each failure that was noted (or several at once),
  /// and now and then while it is not healthy. Whoever owns the window clears it when health() has left
  /// unhealthy: what led to the last ejection must not count for the next.
  void calls_failed(TimePoint now, const Window::Reading& reading, const std::string& reason);
  /// A call that the circuit breaker had given a permit has ended, and neither said more than that nor is
  /// from before the breaker's last change. Neither good nor bad: it said nothing.
  void trial_ended(TimePoint now, std::optional<bool> good);
  /// As many of these as it takes were good.
  void proved(TimePoint now);
  /// An operator says that it is well: all but misdirected() is forgotten.
  void reset(TimePoint now);
  /// It speaks for another server than its siblings (or, empty, does no more).
  void misdirected(TimePoint now, const std::string& reason);
  /// It is to get no calls any more: gives back what it holds of the quota, and takes no more.
  void leave() noexcept;
  /// Whether it can be given calls at all: one that can't, as of weight 0, is no loss to its siblings.
  void take_part(bool part) noexcept;
  bool takes_part() const noexcept { return !left_ && !aside_; }
  /// The quota is another one than when this was judged: what it gave leave for needs leave anew.
  void reconsider(TimePoint now);
  /// Time passes: what is due by itself. Called at least once a second.
  void tick(TimePoint now, const Window::Reading& reading);

  /// How it stands.
  Health health() const noexcept { return health_; }
  /// Nothing is there, for certain. Only while unhealthy.
  bool absent() const noexcept { return absent_; }
  /// Neither probes nor calls are answered. Only while unhealthy.
  bool silent() const noexcept { return silent_ && ruled_out_; }
  /// Probes that time out rule it out, and of calls nothing is known yet.
  bool wants_witness() const noexcept { return breaker_.enabled && ruled_out_ && timed_out_ && !silent_; }
  /// It is there, and probes pass, but calls fail. Only while unhealthy.
  bool failing() const noexcept { return ejected_ && !gone_ && !ruled_out_ && !certain(); }
  /// One short sentence; empty while healthy, and only then.
  const std::string& reason() const noexcept { return reason_; }
  /// Since when health() is what it is; the first evidence's time before the first change.
  TimePoint since() const noexcept { return since_; }
  /// Something speaks against it that is not decided, or it is unhealthy: to be probed at the quicker pace.
  bool suspect() const noexcept;
  /// What the circuit breaker is to be.
  Gate gate() const noexcept;
  /// From when on calls may go to it as trials, while it is out for failing calls or held back by damping
  /// alone; kForever: none may, as where probes fail as well.
  TimePoint trial_at() const noexcept;
  /// `draw(source)` in [0, 1): jitter of pauses. Set before evidence comes; without it there is none.
  void set_chance(double (*draw)(void*), void* source) noexcept;

 private:
  enum class Permit : std::uint8_t { none, ejected, ruled_out, lost };

  void begin(TimePoint now) noexcept;
  void weigh_calls(TimePoint now, const Window::Reading& reading);
  std::string against(const Window::Reading& reading) const;
  bool trips(const Window::Reading& reading) const noexcept;
  void eject(TimePoint now, const std::string& why, bool gone);
  void acquit_calls();
  void acquit_probes();
  void settle(TimePoint now);
  void settle_permit();
  void give_back() noexcept;
  Health wanted(TimePoint now);
  bool certain() const noexcept { return absent_ || !misdirected_.empty(); }
  bool accused() const noexcept { return certain() || ejected_ || ruled_out_; }
  std::string said() const;

  HealthCheckConfig checks_;
  OutlierDetectionConfig outliers_;
  CircuitBreakerConfig breaker_;
  EjectionQuota& quota_;
  Damping damping_;
  Trials trials_;

  Health health_ = Health::unknown;
  std::string reason_;
  TimePoint since_{};
  std::string down_why_;  // what was said when it was last out for a cause
  bool begun_ = false;
  bool known_ = false;  // it was seen to answer, ever
  bool left_ = false;
  bool aside_ = false;
  TimePoint held_at_ = kForever;  // since when damping alone holds it back; kForever: it does not
  Permit permit_ = Permit::none;
  TimePoint returned_at_ = TimePoint::min();  // what calls did before is judged already

  std::string misdirected_;
  bool absent_ = false;
  std::string absent_why_;

  std::size_t fails_ = 0;                  // probes in a row that failed while no call was answered
  std::size_t answered_fails_ = 0;         // probes in a row that failed while calls were
  std::size_t passes_ = 0;                 // probes in a row
  TimePoint heard_at_ = TimePoint::min();  // when a probe passed last
  bool ruled_out_ = false;                 // probes speak for unhealthy
  bool refused_ = false;                   // and for certain, as of the last that failed
  bool timed_out_ = false;                 // the last that failed had no answer
  TimePoint silent_at_{};                  // when silent_ was seen
  bool silent_ = false;                    // calls were not answered either, since a probe passed last
  std::string probe_why_;
  std::string probe_flaw_;  // why probes make it degraded; empty: they don't
  bool probe_doubt_ = false;

  bool ejected_ = false;  // calls speak for unhealthy
  bool tripped_ = false;  // so clearly that it needs no leave of the quota
  bool gone_ = false;     // since it could not be connected to
  std::string ejected_why_;
  bool proved_ = false;       // by calls, since it was unhealthy
  bool probation_ = false;    // it is back, but calls have yet to prove it
  std::string last_failure_;  // how a call failed last
  std::string call_flaw_;     // why calls make it degraded; empty: they don't
  bool call_doubt_ = false;

  TimePoint flawed_at_ = TimePoint::min();  // when there was a cause for degraded last
  std::string flaw_;
};

}  // namespace weir
