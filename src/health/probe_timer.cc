#include "health/probe_timer.h"

#include <algorithm>

namespace weir {
namespace {

using std::chrono::milliseconds;
using std::chrono::seconds;

constexpr Duration kSeveral = milliseconds(250);
constexpr Duration kAlone = seconds(15);
constexpr Duration kSuspect = milliseconds(100);
constexpr Duration kLongDown = seconds(30);
constexpr Duration kLongDownPause = seconds(1);
constexpr Duration kShortestTimeout = milliseconds(200);
constexpr Duration kFirstTimeout = seconds(1);
constexpr Duration kLongestTimeout = seconds(5);

}  // namespace

void AnswerTime::note(Duration took) noexcept {
  took = std::max(took, Duration::zero());
  if (!known_) {
    smooth_ = took;
    vary_ = took / 2;
    known_ = true;
    return;
  }
  const Duration off = smooth_ > took ? smooth_ - took : took - smooth_;
  vary_ += (off - vary_) / 4;
  smooth_ += (took - smooth_) / 8;
}

std::optional<Duration> AnswerTime::limit() const noexcept {
  if (!known_) return std::nullopt;
  return std::max(smooth_ + 4 * vary_, 4 * smooth_);
}

ProbeTimer::ProbeTimer(HealthCheckConfig config, std::size_t endpoints)
    : config_(std::move(config)), endpoints_(endpoints) {}

TimePoint ProbeTimer::due(const Seen& seen, TimePoint now, double random) const noexcept {
  constexpr TimePoint never{};
  if (seen.probed == never) return never;
  Duration pause = interval();
  TimePoint from = seen.probed;
  if (seen.down_since != never)
    pause = now - seen.down_since > kLongDown ? long_down_interval() : suspect_interval();
  else if (seen.suspect)
    pause = suspect_interval();
  else if (seen.healthy && seen.last_success > seen.last_failure)
    from = std::max(from, seen.last_success);
  const double factor = 1 + config_.jitter * (2 * random - 1);
  return from + std::chrono::duration_cast<Duration>(pause * std::max(factor, 0.0));
}

Duration ProbeTimer::timeout() const noexcept {
  if (config_.timeout) return *config_.timeout;
  const std::optional<Duration> limit = usual_.limit();
  Duration timeout = limit ? std::max(*limit, kShortestTimeout) : kFirstTimeout;
  for (unsigned i = 1; i < timeouts_ && timeout < kLongestTimeout; ++i) timeout *= 2;
  return std::min(timeout, std::max(kLongestTimeout, limit.value_or(Duration::zero())));
}

void ProbeTimer::answered(Duration took) noexcept {
  timeouts_ = 0;
  usual_.note(took);
}

void ProbeTimer::timed_out() noexcept { ++timeouts_; }

Duration ProbeTimer::interval() const noexcept {
  if (config_.interval) return *config_.interval;
  return endpoints_ > 1 ? kSeveral : kAlone;
}

Duration ProbeTimer::suspect_interval() const noexcept {
  const Duration quickest = std::min(interval(), kSuspect);
  return config_.interval ? std::max(interval() / 4, quickest) : quickest;
}

Duration ProbeTimer::long_down_interval() const noexcept {
  const Duration pause = config_.interval ? std::min(interval(), kLongDownPause) : kLongDownPause;
  return std::max(pause, suspect_interval());
}

}  // namespace weir
