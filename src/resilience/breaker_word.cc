#include "resilience/breaker_word.h"

#include <algorithm>

namespace weir {
namespace {

constexpr unsigned kStateBits = 2;
constexpr unsigned kGenerationBits = 14;
constexpr unsigned kRest = kStateBits + kGenerationBits;
constexpr std::uint64_t kGenerations = std::uint64_t{1} << kGenerationBits;

BreakerWord turned(const BreakerWord& word, BreakerState state) noexcept {
  BreakerWord next;
  next.state = state;
  next.generation = static_cast<std::uint16_t>((word.generation + 1U) % kGenerations);
  return next;
}

}  // namespace

std::string_view to_string(BreakerState state) noexcept {
  switch (state) {
    case BreakerState::closed:
      return "closed";
    case BreakerState::open:
      return "open";
    case BreakerState::half_open:
      return "half_open";
  }
  return "unknown";
}

// What only one state has shares its bits with what another has.
BreakerWord BreakerWord::unpack(std::uint64_t bits) noexcept {
  BreakerWord word;
  word.state = static_cast<BreakerState>(bits & ((1U << kStateBits) - 1));
  word.generation = static_cast<std::uint16_t>(bits >> kStateBits & (kGenerations - 1));
  const std::uint64_t rest = bits >> kRest;
  if (word.state == BreakerState::open) word.at = rest;
  if (word.state == BreakerState::half_open) {
    word.permits = static_cast<std::uint16_t>(rest & 0xffff);
    word.successes = static_cast<std::uint16_t>(rest >> 16 & 0xffff);
  }
  return word;
}

std::uint64_t BreakerWord::pack() const noexcept {
  std::uint64_t rest = 0;
  if (state == BreakerState::open) rest = at;
  if (state == BreakerState::half_open) rest = permits | std::uint64_t{successes} << 16;
  return static_cast<std::uint64_t>(state) | std::uint64_t{generation} << kStateBits | rest << kRest;
}

namespace breaker_step {

Next enter(const BreakerWord& word, const BreakerLimits& limits, std::uint64_t now) noexcept {
  BreakerWord next = word;
  if (word.state == BreakerState::open) {
    if (word.at >= BreakerWord::kNever || now < word.at) return std::nullopt;
    next = turned(word, BreakerState::half_open);
  }
  if (next.state != BreakerState::half_open || next.permits >= limits.permits) return std::nullopt;
  ++next.permits;
  return next;
}

Next leave(const BreakerWord& word, const BreakerLimits& limits, std::uint16_t generation,
           TrialOutcome outcome) noexcept {
  if (word.state != BreakerState::half_open || word.generation != generation) return std::nullopt;
  if (outcome == TrialOutcome::bad) {
    BreakerWord next = turned(word, BreakerState::open);
    next.at = BreakerWord::kUnjudged;
    return next;
  }
  BreakerWord next = word;
  --next.permits;
  if (outcome == TrialOutcome::good && next.successes < limits.successes) ++next.successes;
  return next;
}

Next open(const BreakerWord& word, std::uint64_t at) noexcept {
  if (word.unjudged()) return std::nullopt;
  BreakerWord next = word.state == BreakerState::open ? word : turned(word, BreakerState::open);
  next.at = std::min(at, BreakerWord::kNever);
  return next == word ? Next() : next;
}

Next half_open(const BreakerWord& word, bool anew) noexcept {
  if (word.unjudged() || (word.state == BreakerState::half_open && !anew)) return std::nullopt;
  BreakerWord next = turned(word, BreakerState::half_open);
  if (word.state == BreakerState::half_open) next.successes = word.successes;
  return next;
}

Next close(const BreakerWord& word, const BreakerLimits& limits, bool proved) noexcept {
  if (word.unjudged() || word.state == BreakerState::closed) return std::nullopt;
  const bool half = word.state == BreakerState::half_open;
  if (proved && !(half && word.successes >= limits.successes)) return std::nullopt;
  return turned(word, BreakerState::closed);
}

Next take_note(const BreakerWord& word) noexcept {
  if (!word.unjudged()) return std::nullopt;
  BreakerWord next = word;
  next.at = BreakerWord::kNever;
  return next;
}

}  // namespace breaker_step
}  // namespace weir
