// The circuit breaker of one endpoint: the one gate that calls pass on their way to it. Whether it is open is
// decided elsewhere (health/verdict.h), by one window of evidence, so that the two never disagree; here calls
// take permits while it is half open, and how these end is what the judge is told. One word, moved by
// compare-and-swap, for all shards. Invariants: at most `permits` calls of one generation are under way while
// half open; what was taken in an older one changes nothing; a permit is given back however its call ends.
// Source: R12; docs/design/009-breaker.md.
#pragma once

#include <atomic>
#include <cstdint>
#include <functional>
#include <utility>

#include "resilience/breaker_word.h"
#include "runtime/time.h"

namespace weir {

class Breaker {
 public:
  /// What calls have done to it.
  enum class Event : std::uint8_t {
    tried,   // it was open and is half open: its time had come
    good,    // a permit's call ended well
    proved,  // likewise, and as many did as it takes: it is to be closed
    bad,     // a permit's call failed: it is open until take_note() and open() say more
    none,    // a permit's call said nothing
  };
  /// `told` hears of each event, after it; on the shard of the call.
  Breaker(BreakerLimits limits, std::function<void(Event)> told);
  Breaker(const Breaker&) = delete;
  Breaker& operator=(const Breaker&) = delete;

  class Permit;

  /// True if all calls pass: one relaxed load. Any shard, as the next four.
  bool closed() const noexcept { return (word_.load(std::memory_order_relaxed) & 3) == 0; }
  BreakerState state() const noexcept { return word().state; }
  BreakerWord word() const noexcept { return BreakerWord::unpack(word_.load(std::memory_order_relaxed)); }
  /// From when on a call may try it while it is open; kForever: the judge will say.
  TimePoint tried_from() const noexcept;
  /// Leave for one call where it is not closed; an empty permit: none may go now.
  Permit enter(TimePoint now);

  // The judge's moves: one at a time. False: nothing was to be changed, or a bad end has come meanwhile.
  /// Open; calls may try it from `at` on (kForever: not by themselves).
  bool open(TimePoint at) noexcept;
  /// Half open, with all permits; as it is where it is so already, unless `anew`.
  bool half_open(bool anew) noexcept;
  /// Closed; `proved`: if as many good ones in a row as it takes say so.
  bool close(bool proved) noexcept;
  /// The judge knows of the bad end.
  bool take_note() noexcept;
  /// Whether as many good ones in a row as it takes were seen.
  bool proved() const noexcept;

 private:
  template <class Step>
  BreakerWord move(Step step, bool& moved) noexcept;
  void leave(std::uint16_t generation, TrialOutcome outcome) noexcept;

  const BreakerLimits limits_;
  const std::function<void(Event)> told_;
  std::atomic<std::uint64_t> word_{0};
};

/// Leave for one call, given back when it ends or this does. The breaker outlives it.
class Breaker::Permit {
 public:
  Permit() = default;
  Permit(Permit&& other) noexcept : of_(std::exchange(other.of_, nullptr)), generation_(other.generation_) {}
  Permit& operator=(Permit&& other) noexcept {
    std::swap(of_, other.of_);
    std::swap(generation_, other.generation_);
    return *this;
  }
  ~Permit() { end(TrialOutcome::none); }
  /// False: there was none, or it has been given back.
  explicit operator bool() const noexcept { return of_ != nullptr; }
  /// Gives it back. Once; again it does nothing.
  void end(TrialOutcome outcome) noexcept {
    if (of_ != nullptr) std::exchange(of_, nullptr)->leave(generation_, outcome);
  }

 private:
  friend class Breaker;
  Permit(Breaker& of, std::uint16_t generation) noexcept : of_(&of), generation_(generation) {}
  Breaker* of_ = nullptr;
  std::uint16_t generation_ = 0;
};

}  // namespace weir
