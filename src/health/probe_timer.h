// When the next probe of one endpoint is due, and how long its answer may take. A pure schedule: who asks
// says what was seen, what chance says, and keeps the clock. Invariant: an endpoint in doubt is never probed
// more slowly than one that is not. One endpoint's, on its home shard. Source: R7, R9, R11; RFC 6298 for the
// usual answer time; resilience design section 2.
#pragma once

#include <cstddef>
#include <optional>

#include "config/config.h"
#include "runtime/time.h"

namespace weir {

/// How long an endpoint usually takes to answer a probe, and how much that varies.
class AnswerTime {
 public:
  /// A probe was answered after `took`, in time or late.
  void note(Duration took) noexcept;
  /// Beyond this an answer is unusual: srtt + 4 rttvar, at least 4 srtt. Nothing: none was answered yet.
  std::optional<Duration> limit() const noexcept;

 private:
  Duration smooth_{};
  Duration vary_{};
  bool known_ = false;
};

class ProbeTimer {
 public:
  /// `endpoints`: how many the server has. One alone is probed seldom where the configuration leaves it open:
  /// there is nowhere else to go, and hosted servers must not be hammered.
  ProbeTimer(HealthCheckConfig config, std::size_t endpoints);

  /// What is known of the endpoint when its next probe is planned.
  struct Seen {
    TimePoint probed{};        // when its last probe ended; epoch: never
    bool healthy = false;      // health() is healthy
    bool suspect = false;      // suspect() of its verdict
    TimePoint down_since{};    // since when it is unhealthy; epoch: it is not
    TimePoint last_success{};  // of calls; epoch: never
    TimePoint last_failure{};
  };
  /// When the next probe is due; epoch: at once. `random` in [0, 1) is drawn once for each probe: asked again
  /// as things change, the answer moves only for their sake. While it is healthy, a call that succeeded and
  /// that none failed after is as good as a probe.
  TimePoint due(const Seen& seen, TimePoint now, double random) const noexcept;

  /// How long a probe that begins now may take. As configured; else 4 times what is usual and at least 200
  /// ms, or 1 s where nothing is known. After two timeouts in a row it doubles with each, up to 5 s: an
  /// endpoint that has become slow for good is found again, and one that hangs was found out before.
  Duration timeout() const noexcept;
  /// A probe was answered after `took`.
  void answered(Duration took) noexcept;
  /// A probe timed out, and not because the own loop lagged.
  void timed_out() noexcept;

  /// Pause between probes of an endpoint that nothing speaks against: as configured; else 250 ms, and 15 s
  /// for one alone.
  Duration interval() const noexcept;
  /// Pause while it is in doubt or down: 100 ms, but where an interval is configured a quarter of it if that
  /// is longer; never longer than interval().
  Duration suspect_interval() const noexcept;
  /// Pause after it has been down for more than 30 s: 1 s, but no longer than a configured interval() and no
  /// shorter than suspect_interval().
  Duration long_down_interval() const noexcept;

 private:
  HealthCheckConfig config_;
  std::size_t endpoints_;
  AnswerTime usual_;
  unsigned timeouts_ = 0;  // in a row
};

}  // namespace weir
