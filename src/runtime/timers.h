// A shard's timers: a hierarchical wheel of 1 ms ticks, six levels of 64 slots. Adding and removing are a few
// instructions and never a system call, since nearly every deadline is removed before it fires.
// Source: Varghese and Lauck, "Hashed and hierarchical timing wheels", 1987.
#pragma once

#include <array>
#include <cstdint>

#include "runtime/time.h"

namespace weir {

/// An intrusive timer. Lives as long as it is linked; one shard only. `fire` runs on the shard, unlinked
/// already.
class TimerEntry {
 public:
  using Fire = void (*)(TimerEntry&) noexcept;
  explicit TimerEntry(Fire fire) noexcept : fire_(fire) {}
  TimerEntry(const TimerEntry&) = delete;
  TimerEntry& operator=(const TimerEntry&) = delete;
  bool linked() const noexcept { return next_ != nullptr; }

 private:
  friend class Timers;
  TimerEntry* next_ = nullptr;
  TimerEntry* previous_ = nullptr;
  std::uint64_t tick_ = 0;
  std::uint16_t place_ = 0;  // level * 64 + slot
  Fire fire_;
};

/// The wheel. A timer never fires early; it fires at the first tick at or after its deadline.
class Timers {
 public:
  explicit Timers(TimePoint start) noexcept;
  Timers(const Timers&) = delete;
  Timers& operator=(const Timers&) = delete;

  /// Links `entry`, which must not be linked. A deadline in the past fires at the next advance.
  void add(TimerEntry& entry, TimePoint deadline) noexcept;
  /// Unlinks `entry` if it is linked.
  void remove(TimerEntry& entry) noexcept;
  /// Fires all that is due at `now`, in order of ticks.
  void advance(TimePoint now) noexcept;
  /// A time not after the earliest deadline at which `advance` has something to do; kForever when empty.
  TimePoint next_event() const noexcept;
  /// Constant time: not after the earliest deadline; may be too early after removals or for a step of the
  /// wheel.
  TimePoint hint() const noexcept { return hint_; }

 private:
  static constexpr int kLevels = 6;
  static constexpr int kSlotBits = 6;
  static constexpr std::uint64_t kSlots = 64;

  struct List {  // head of a circular list; `fire_` unused
    TimerEntry head{nullptr};
  };
  std::uint64_t tick_of(TimePoint deadline) const noexcept;
  TimePoint time_of(std::uint64_t tick) const noexcept;
  void place(TimerEntry& entry) noexcept;
  void cascade(int level, std::uint64_t slot) noexcept;

  TimePoint start_;
  std::uint64_t now_tick_ = 0;  // everything at or before it has fired
  std::array<std::uint64_t, kLevels> occupied_{};
  std::array<List, kLevels * kSlots> slots_;
  TimePoint hint_ = kForever;
};

}  // namespace weir
