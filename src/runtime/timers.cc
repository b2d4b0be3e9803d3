#include "runtime/timers.h"

#include <algorithm>
#include <bit>

#include "base/check.h"

namespace weir {

using std::chrono::milliseconds;

Timers::Timers(TimePoint start) noexcept : start_(start) {
  for (List& list : slots_) list.head.next_ = list.head.previous_ = &list.head;
}

std::uint64_t Timers::tick_of(TimePoint deadline) const noexcept {
  if (deadline <= start_) return 0;
  // Rounded up, so that nothing fires early.
  const Duration since = deadline - start_;
  const auto ticks = std::chrono::duration_cast<milliseconds>(since);
  return static_cast<std::uint64_t>(ticks.count()) + (ticks < since ? 1 : 0);
}

TimePoint Timers::time_of(std::uint64_t tick) const noexcept {
  return start_ + milliseconds(static_cast<std::int64_t>(tick));
}

void Timers::add(TimerEntry& entry, TimePoint deadline) noexcept {
  WEIR_CHECK(!entry.linked());
  if (deadline == kForever) return;
  entry.tick_ = std::max(tick_of(deadline), now_tick_ + 1);
  place(entry);
  const TimePoint at = time_of(entry.tick_);
  if (at < hint_) hint_ = at;
}

void Timers::place(TimerEntry& entry) noexcept {
  // The level is where the highest bit that differs from now lies; what is too far goes to the last slot of
  // the top.
  constexpr std::uint64_t kRange = std::uint64_t{1} << (kLevels * kSlotBits);
  std::uint64_t tick = entry.tick_;
  if ((tick ^ now_tick_) >= kRange) tick = now_tick_ | (kRange - 1);
  const std::uint64_t differ = (tick ^ now_tick_) | 1;
  const int level = (63 - std::countl_zero(differ)) / kSlotBits;
  const std::uint64_t slot = (tick >> (level * kSlotBits)) & (kSlots - 1);
  entry.place_ = static_cast<std::uint16_t>(static_cast<std::uint64_t>(level) * kSlots + slot);
  TimerEntry& head = slots_[entry.place_].head;
  entry.previous_ = head.previous_;
  entry.next_ = &head;
  head.previous_->next_ = &entry;
  head.previous_ = &entry;
  occupied_[static_cast<std::size_t>(level)] |= std::uint64_t{1} << slot;
}

void Timers::remove(TimerEntry& entry) noexcept {
  if (!entry.linked()) return;
  entry.previous_->next_ = entry.next_;
  entry.next_->previous_ = entry.previous_;
  entry.next_ = entry.previous_ = nullptr;
  TimerEntry& head = slots_[entry.place_].head;
  if (head.next_ == &head) occupied_[entry.place_ / kSlots] &= ~(std::uint64_t{1} << (entry.place_ % kSlots));
}

TimePoint Timers::next_event() const noexcept {
  for (int level = 0; level < kLevels; ++level) {
    const std::uint64_t bits = occupied_[static_cast<std::size_t>(level)];
    if (bits == 0) continue;
    // Slots of a level lie ahead of now within the same turn of the level above.
    const int shift = level * kSlotBits;
    const std::uint64_t slot = static_cast<std::uint64_t>(std::countr_zero(bits));
    const std::uint64_t turn = now_tick_ >> (shift + kSlotBits) << (shift + kSlotBits);
    return time_of(turn | (slot << shift));
  }
  return kForever;
}

void Timers::cascade(int level, std::uint64_t slot) noexcept {
  List& list = slots_[static_cast<std::uint64_t>(level) * kSlots + slot];
  while (list.head.next_ != &list.head) {
    TimerEntry& entry = *list.head.next_;
    remove(entry);
    place(entry);
  }
}

void Timers::advance(TimePoint now) noexcept {
  const std::uint64_t target =
      now <= start_
          ? 0
          : static_cast<std::uint64_t>(std::chrono::duration_cast<milliseconds>(now - start_).count());
  while (true) {
    const TimePoint next = next_event();
    if (next == kForever) break;
    const std::uint64_t tick = tick_of(next);
    if (tick > target) break;
    now_tick_ = std::max(now_tick_, tick);
    // From the top down: what starts at this tick moves to lower levels, then the due slot of level 0 fires.
    for (int level = kLevels - 1; level > 0; --level) {
      const int shift = level * kSlotBits;
      if ((now_tick_ & ((std::uint64_t{1} << shift) - 1)) == 0)
        cascade(level, (now_tick_ >> shift) & (kSlots - 1));
    }
    List& due = slots_[now_tick_ & (kSlots - 1)];
    while (due.head.next_ != &due.head) {
      TimerEntry& entry = *due.head.next_;
      remove(entry);
      entry.fire_(entry);
    }
  }
  now_tick_ = std::max(now_tick_, target);
  hint_ = next_event();
}

}  // namespace weir
