#include "balance/baselines.h"

#include <algorithm>
#include <bit>

#include "balance/mix.h"

namespace weir {
namespace {

// The mean moves by at least this part of a sample: slowly, since what an endpoint does to it in a moment
// should not look like the kind's own doing.
constexpr std::uint32_t kMostCalls = 255;
constexpr std::uint32_t kWear = 8;

// Of a mixed kind the lowest bits say the row, these which of it: where a slot has them.
std::uint32_t tag_of(std::uint64_t mixed) noexcept {
  return static_cast<std::uint32_t>(mixed >> 32) & ~kMostCalls;
}

std::uint64_t pack(std::uint32_t tag, const Baseline& baseline) noexcept {
  return std::uint64_t{std::bit_cast<std::uint32_t>(baseline.usual)} << 32 | tag | baseline.calls;
}

float usual_of(std::uint64_t word) noexcept {
  return std::bit_cast<float>(static_cast<std::uint32_t>(word >> 32));
}
std::uint32_t calls_of(std::uint64_t word) noexcept { return static_cast<std::uint32_t>(word) & kMostCalls; }
// The calls that the slot knows of if it is of this tag and knows of any; else 0, or more than there can be.
std::uint32_t calls_if(std::uint64_t word, std::uint32_t tag) noexcept {
  return static_cast<std::uint32_t>(word) ^ tag;
}
bool is_known(std::uint32_t calls) noexcept { return calls - 1 < kMostCalls; }

}  // namespace

Baseline Baselines::find(std::uint64_t kind) const noexcept {
  const std::uint64_t mixed = mix_bits(kind);
  const std::uint32_t tag = tag_of(mixed);
  for (const std::atomic<std::uint64_t>& slot : rows_[mixed % kRows].slots) {
    const std::uint64_t word = slot.load(std::memory_order_relaxed);
    if (const std::uint32_t calls = calls_if(word, tag); is_known(calls)) return {usual_of(word), calls};
  }
  return {};
}

Baseline Baselines::learn(std::uint64_t kind, float took) noexcept {
  const std::uint64_t mixed = mix_bits(kind);
  const std::uint32_t tag = tag_of(mixed);
  Row& row = rows_[mixed % kRows].slots;
  for (std::atomic<std::uint64_t>& slot : row) {
    const std::uint64_t word = slot.load(std::memory_order_relaxed);
    const std::uint32_t before = calls_if(word, tag);
    if (!is_known(before)) continue;
    const std::uint32_t calls = std::min(before + 1, kMostCalls);
    const float usual = usual_of(word) + (took - usual_of(word)) / static_cast<float>(calls);
    slot.store(pack(tag, {usual, calls}), std::memory_order_relaxed);
    return {usual_of(word), before};
  }
  make_room(row).store(pack(tag, {took, 1}), std::memory_order_relaxed);
  return {};
}

std::atomic<std::uint64_t>& Baselines::make_room(Row& row) noexcept {
  // The least known goes; of equals each in its turn, or newcomers would drive out each other for ever.
  const std::uint32_t turn = turn_.fetch_add(1, std::memory_order_relaxed);
  std::atomic<std::uint64_t>* chosen = nullptr;
  std::uint32_t fewest = kMostCalls + 1;
  for (std::size_t i = 0; i < row.size(); ++i) {
    std::atomic<std::uint64_t>& word = row[(turn + i) % row.size()];
    const std::uint32_t calls = calls_of(word.load(std::memory_order_relaxed));
    if (calls >= fewest) continue;
    fewest = calls;
    chosen = &word;
  }
  // Now and then all of a full row are worn a little: what was called often once, and is no more, goes too.
  if (fewest == 0 || turn % kWear != 0) return *chosen;
  for (std::atomic<std::uint64_t>& word : row) {
    const std::uint64_t seen = word.load(std::memory_order_relaxed);
    if (calls_of(seen) > 1) word.store(seen - 1, std::memory_order_relaxed);
  }
  return *chosen;
}

}  // namespace weir
