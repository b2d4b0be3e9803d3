#include "resilience/breaker.h"

#include <algorithm>

namespace weir {
namespace {

using std::chrono::microseconds;

std::uint64_t in_microseconds(TimePoint at, bool up) noexcept {
  if (at == kForever) return BreakerWord::kNever;
  const auto whole = up ? std::chrono::ceil<microseconds>(at.time_since_epoch())
                        : std::chrono::floor<microseconds>(at.time_since_epoch());
  const auto count = std::max<std::int64_t>(whole.count(), 0);
  return std::min<std::uint64_t>(static_cast<std::uint64_t>(count), BreakerWord::kNever - 1);
}

}  // namespace

Breaker::Breaker(BreakerLimits limits, std::function<void(Event)> told)
    : limits_(limits), told_(std::move(told)) {}

// Takes the step from whatever the word is, and gives what it was before.
template <class Step>
BreakerWord Breaker::move(Step step, bool& moved) noexcept {
  std::uint64_t bits = word_.load(std::memory_order_acquire);
  for (;;) {
    const BreakerWord before = BreakerWord::unpack(bits);
    const breaker_step::Next next = step(before);
    moved = next.has_value();
    if (!moved) return before;
    if (word_.compare_exchange_weak(bits, next->pack(), std::memory_order_acq_rel, std::memory_order_acquire))
      return before;
  }
}

TimePoint Breaker::tried_from() const noexcept {
  const BreakerWord now = word();
  if (now.state != BreakerState::open || now.at >= BreakerWord::kNever) return kForever;
  return TimePoint(microseconds(now.at));
}

Breaker::Permit Breaker::enter(TimePoint now) {
  const std::uint64_t at = in_microseconds(now, false);
  std::uint16_t generation = 0;
  bool moved = false;
  const BreakerWord before = move(
      [&](const BreakerWord& word) {
        const breaker_step::Next next = breaker_step::enter(word, limits_, at);
        if (next) generation = next->generation;
        return next;
      },
      moved);
  if (!moved) return {};
  if (before.state == BreakerState::open) told_(Event::tried);
  return {*this, generation};
}

void Breaker::leave(std::uint16_t generation, TrialOutcome outcome) noexcept {
  bool moved = false;
  const BreakerWord before =
      move([&](const BreakerWord& word) { return breaker_step::leave(word, limits_, generation, outcome); },
           moved);
  if (!moved) return;
  const bool last = before.successes + 1U >= limits_.successes;
  told_(outcome == TrialOutcome::bad    ? Event::bad
        : outcome == TrialOutcome::none ? Event::none
        : last                          ? Event::proved
                                        : Event::good);
}

bool Breaker::open(TimePoint at) noexcept {
  const std::uint64_t from = in_microseconds(at, true);
  bool moved = false;
  move([&](const BreakerWord& word) { return breaker_step::open(word, from); }, moved);
  return moved;
}

bool Breaker::half_open(bool anew) noexcept {
  bool moved = false;
  move([&](const BreakerWord& word) { return breaker_step::half_open(word, anew); }, moved);
  return moved;
}

bool Breaker::close(bool proved) noexcept {
  bool moved = false;
  move([&](const BreakerWord& word) { return breaker_step::close(word, limits_, proved); }, moved);
  return moved;
}

bool Breaker::take_note() noexcept {
  bool moved = false;
  move([](const BreakerWord& word) { return breaker_step::take_note(word); }, moved);
  return moved;
}

bool Breaker::proved() const noexcept {
  const BreakerWord now = word();
  return now.state == BreakerState::half_open && now.successes >= limits_.successes;
}

}  // namespace weir
