// How long a stdio server that died stays down: pauses that double from 0.1 s to 10 s, thinned by chance.
// Time and chance are given with each call, so a test needs neither a clock nor a seed.
// Owner: the stdio transport of one child, on its home shard.
#pragma once

#include <chrono>

namespace weir {

/// Grows with every death; a child that was well for `well_after` before it died starts again at the first
/// step.
class RestartPause {
 public:
  using TimePoint = std::chrono::steady_clock::time_point;
  using Duration = std::chrono::steady_clock::duration;

  /// The first pause, the longest one, and how long a child must live to begin anew.
  struct Options {
    Duration first = std::chrono::milliseconds(100);
    Duration max = std::chrono::seconds(10);
    Duration well_after = std::chrono::seconds(10);
  };

  RestartPause() = default;
  explicit RestartPause(Options options) : options_(options), step_(options.first) {}

  /// The child answers from `now` on. A child that never gets this far was never well.
  void came_up(TimePoint now) noexcept {
    up_ = true;
    up_since_ = now;
  }

  /// The child died at `now`. Returns the pause before the next start: between half of the step and the whole
  /// of it, as `chance` in [0, 1) says.
  Duration died(TimePoint now, double chance) noexcept;

 private:
  Options options_;
  Duration step_ = options_.first;
  bool up_ = false;
  TimePoint up_since_{};
};

/// How long a session that was lost stays closed before the next one begins: not at all, so that a server
/// that has restarted is back at once; growing pauses where the one before it was lost soon, too, as by a
/// server that knows none of its own sessions.
class ReopenPause {
 public:
  using TimePoint = RestartPause::TimePoint;
  using Duration = RestartPause::Duration;

  /// A session lost sooner than this was not well.
  static constexpr Duration kWell = std::chrono::seconds(30);

  /// A session has begun.
  void came_up(TimePoint now) noexcept { since_ = now; }
  /// It was lost at `now`. Returns the pause before the next one, thinned by `chance` as RestartPause's.
  Duration lost(TimePoint now, double chance) noexcept;

 private:
  RestartPause pause_;
  bool soon_ = false;  // the last loss followed a begin soon
  TimePoint since_{};
};

}  // namespace weir
