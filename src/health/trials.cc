#include "health/trials.h"

#include <algorithm>

namespace weir {
namespace {

constexpr Duration kFading = std::chrono::seconds(10);
constexpr Duration kLongestPause = std::chrono::seconds(2);
constexpr double kJitter = 0.25;
constexpr unsigned kMostEjections = 32;  // beyond any pause that is sensible

}  // namespace

Trials::Trials(const OutlierDetectionConfig& config, Duration longest) noexcept
    : base_(std::min<Duration>(config.base_ejection_time, longest)),
      longest_(std::min<Duration>(std::max(config.max_ejection_time, config.base_ejection_time), longest)) {}

void Trials::set_chance(double (*draw)(void*), void* source) noexcept {
  draw_ = draw;
  source_ = source;
}

void Trials::begin(TimePoint now) noexcept {
  ejections_ = std::min(ejections_ + 1, kMostEjections);
  pause_ = std::min(base_, longest_);
  for (unsigned i = 1; i < ejections_ && pause_ < longest_; ++i) pause_ = std::min(2 * pause_, longest_);
  idle_since_ = now;
  at_ = now + jittered(pause_);
}

void Trials::ended(TimePoint now, std::optional<bool> good) noexcept {
  idle_since_ = now;
  if (good.value_or(true)) return;
  // Where the configured pause is longer than that already, it is what was asked for.
  pause_ = std::min({2 * pause_, std::max(kLongestPause, base_), longest_});
  at_ = now + jittered(pause_);
}

bool Trials::unwanted(TimePoint now) const noexcept {
  // After long pauses calls get their chance first.
  return now >= idle_since_ + longest_ && now >= at_ + base_;
}

void Trials::healthy(TimePoint now, TimePoint since) noexcept {
  faded_ = std::max(faded_, since);
  while (ejections_ > 0 && now - faded_ >= kFading) {
    --ejections_;
    faded_ += kFading;
  }
}

Duration Trials::jittered(Duration pause) const noexcept {
  const double random = draw_ != nullptr ? draw_(source_) : 0.5;
  return std::min(std::chrono::duration_cast<Duration>(pause * (1 + kJitter * (2 * random - 1))), longest_);
}

}  // namespace weir
