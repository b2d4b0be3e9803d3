#include "balance/baselines.h"

#include <algorithm>
#include <bit>

#include "balance/mix.h"

namespace weir {
namespace {

// The mean moves by at least this part of a sample: slowly, since what an endpoint does to it in a moment
// should not look like the kind's own doing.
constexpr std::uint32_t kMostCalls = 255;

struct Slot {
  std::uint32_t tag;
  Baseline baseline;
};

std::uint64_t pack(const Slot& slot) noexcept {
  return std::uint64_t{std::bit_cast<std::uint32_t>(slot.baseline.usual)} << 32 | slot.tag << 8 |
         slot.baseline.calls;
}

Slot unpack(std::uint64_t word) noexcept {
  return {static_cast<std::uint32_t>(word) >> 8,
          {std::bit_cast<float>(static_cast<std::uint32_t>(word >> 32)),
           static_cast<std::uint32_t>(word & 0xff)}};
}

std::uint32_t tag_of(std::uint64_t mixed) noexcept { return static_cast<std::uint32_t>(mixed >> 40); }

}  // namespace

Baseline Baselines::find(std::uint64_t kind) const noexcept {
  const std::uint64_t mixed = mix_bits(kind);
  for (const std::atomic<std::uint64_t>& word : rows_[mixed % rows_.size()].slots) {
    const Slot slot = unpack(word.load(std::memory_order_relaxed));
    if (slot.tag == tag_of(mixed) && slot.baseline.calls > 0) return slot.baseline;
  }
  return {};
}

Baseline Baselines::learn(std::uint64_t kind, float took) noexcept {
  const std::uint64_t mixed = mix_bits(kind);
  Row& row = rows_[mixed % rows_.size()].slots;
  std::atomic<std::uint64_t>* chosen = nullptr;
  std::uint32_t fewest = kMostCalls + 1;
  for (std::atomic<std::uint64_t>& word : row) {
    const Slot slot = unpack(word.load(std::memory_order_relaxed));
    if (slot.tag == tag_of(mixed) && slot.baseline.calls > 0) {
      const std::uint32_t calls = std::min(slot.baseline.calls + 1, kMostCalls);
      const float usual = slot.baseline.usual + (took - slot.baseline.usual) / static_cast<float>(calls);
      word.store(pack({slot.tag, {usual, calls}}), std::memory_order_relaxed);
      return slot.baseline;
    }
    if (slot.baseline.calls < fewest) {
      fewest = slot.baseline.calls;
      chosen = &word;
    }
  }
  // The row is full of others: the least known makes room. All are worn a little each time, so that kinds
  // that were called often once, and never again, go at last.
  for (std::atomic<std::uint64_t>& word : row) {
    Slot slot = unpack(word.load(std::memory_order_relaxed));
    if (&word == chosen || fewest == 0 || slot.baseline.calls <= 1) continue;
    slot.baseline.calls -= 1;
    word.store(pack(slot), std::memory_order_relaxed);
  }
  chosen->store(pack({tag_of(mixed), {took, 1}}), std::memory_order_relaxed);
  return {};
}

}  // namespace weir
