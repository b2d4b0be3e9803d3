// When an endpoint that is out for failing calls is tried with real calls: they alone say that calls succeed
// again, since a probe may pass all along. How many good ones it takes is the circuit breaker's business. The
// pause before the first grows with each ejection of the recent past and fades by one step per 10 s healthy;
// after a trial that failed it doubles. One verdict's. Source: R8, R12; Linkerd's probation, Envoy's
// times_in_a_row.
#pragma once

#include <cstddef>
#include <optional>

#include "config/config.h"
#include "runtime/time.h"

namespace weir {

class Trials {
 public:
  /// No pause is longer than `longest`.
  Trials(const OutlierDetectionConfig& config, Duration longest) noexcept;

  /// Draws jitter from now on: `random` in [0, 1).
  void set_chance(double (*draw)(void*), void* source) noexcept;
  /// It was ejected.
  void begin(TimePoint now) noexcept;
  /// One has ended; nothing: it said nothing.
  void ended(TimePoint now, std::optional<bool> good) noexcept;
  /// From when on the next is due.
  TimePoint at() const noexcept { return at_; }
  /// The pause before the first trial, where nothing has happened lately.
  Duration shortest() const noexcept { return base_; }
  /// Whether trials were to be had for so long without any that waiting for one makes no sense.
  bool unwanted(TimePoint now) const noexcept;
  /// It is healthy, and has been since `since`: past ejections fade.
  void healthy(TimePoint now, TimePoint since) noexcept;

 private:
  Duration jittered(Duration pause) const noexcept;

  Duration base_;
  Duration longest_;
  double (*draw_)(void*) = nullptr;
  void* source_ = nullptr;
  unsigned ejections_ = 0;  // of the recent past
  TimePoint faded_{};       // up to when healthy time has been reckoned
  Duration pause_{};        // before jitter
  TimePoint at_{};
  TimePoint idle_since_{};  // the ejection or the last trial's end
};

}  // namespace weir
