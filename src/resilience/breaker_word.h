// A circuit breaker's whole state in one word, and every step it can take: pure functions from a word to the
// next. Breaker moves its word by them with compare-and-swap; the test of all interleavings does the same by
// hand, one load and one swap at a time.
// Source: R12; Nygard, "Release It!" (circuit breaker); resilience4j for permits in flight.
#pragma once

#include <cstdint>
#include <optional>
#include <string_view>

namespace weir {

/// closed: all calls pass. open: none does. half_open: a few at a time do, to see whether it is well.
enum class BreakerState : std::uint8_t { closed, open, half_open };
/// As /health and the metrics write it.
std::string_view to_string(BreakerState state) noexcept;

/// What a call that had a permit says of its endpoint. None: its client gave it up, or it was nobody's fault.
enum class TrialOutcome : std::uint8_t { good, bad, none };

/// How many calls may be under way while half open, and how many good ones in a row close it.
struct BreakerLimits {
  std::uint32_t permits = 3;
  std::uint32_t successes = 3;
};

struct BreakerWord {
  BreakerState state = BreakerState::closed;
  std::uint16_t generation = 0;  // of 14 bits; another one with each change of state
  std::uint16_t permits = 0;     // half_open: out
  std::uint16_t successes = 0;   // half_open: good ones in a row
  std::uint64_t at = 0;          // open: from when on a call may try it, in microseconds; of 48 bits

  /// Open until the judge says otherwise.
  static constexpr std::uint64_t kNever = (std::uint64_t{1} << 48) - 2;
  /// Opened by a permit's bad end, which the judge has not taken note of: none of its moves overrules that.
  static constexpr std::uint64_t kUnjudged = kNever + 1;
  bool unjudged() const noexcept { return state == BreakerState::open && at == kUnjudged; }

  /// The word as it is kept, and back.
  static BreakerWord unpack(std::uint64_t bits) noexcept;
  /// Its 64 bits.
  std::uint64_t pack() const noexcept;
  bool operator==(const BreakerWord&) const = default;
};

/// Each gives the word after the step; nothing: the step changes nothing, or may not be taken.
namespace breaker_step {
using Next = std::optional<BreakerWord>;

// Of calls.
/// Takes a permit: from half_open while there are some, from open once it is time, which half-opens it.
Next enter(const BreakerWord& word, const BreakerLimits& limits, std::uint64_t now) noexcept;
/// Gives one back. A bad end opens. What was taken in another generation counts for nothing.
Next leave(const BreakerWord& word, const BreakerLimits& limits, std::uint16_t generation,
           TrialOutcome outcome) noexcept;

// Of the judge: one at a time, on the endpoint's home shard.
Next open(const BreakerWord& word, std::uint64_t at) noexcept;
/// `anew`: with all permits, whoever still has one.
Next half_open(const BreakerWord& word, bool anew) noexcept;
/// `proved`: only from half_open with as many good ones as it takes.
Next close(const BreakerWord& word, const BreakerLimits& limits, bool proved) noexcept;
/// Takes note of a bad end: its moves count again.
Next take_note(const BreakerWord& word) noexcept;
}  // namespace breaker_step

}  // namespace weir
