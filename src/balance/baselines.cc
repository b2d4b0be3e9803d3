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
  for (std::atomic<std::uint64_t>& word : row) {
    const Slot slot = unpack(word.load(std::memory_order_relaxed));
    if (slot.tag != tag_of(mixed) || slot.baseline.calls == 0) continue;
    const std::uint32_t calls = std::min(slot.baseline.calls + 1, kMostCalls);
    const float usual = slot.baseline.usual + (took - slot.baseline.usual) / static_cast<float>(calls);
    word.store(pack({slot.tag, {usual, calls}}), std::memory_order_relaxed);
    return slot.baseline;
  }
  make_room(row).store(pack({tag_of(mixed), {took, 1}}), std::memory_order_relaxed);
  return {};
}

std::atomic<std::uint64_t>& Baselines::make_room(Row& row) noexcept {
  // The least known goes; of equals each in its turn, or newcomers would drive out each other for ever.
  const std::uint32_t turn = turn_.fetch_add(1, std::memory_order_relaxed);
  std::atomic<std::uint64_t>* chosen = nullptr;
  std::uint32_t fewest = kMostCalls + 1;
  for (std::size_t i = 0; i < row.size(); ++i) {
    std::atomic<std::uint64_t>& word = row[(turn + i) % row.size()];
    const std::uint32_t calls = unpack(word.load(std::memory_order_relaxed)).baseline.calls;
    if (calls >= fewest) continue;
    fewest = calls;
    chosen = &word;
  }
  // Now and then all of a full row are worn a little: what was called often once, and is no more, goes too.
  if (fewest == 0 || turn % kWear != 0) return *chosen;
  for (std::atomic<std::uint64_t>& word : row) {
    Slot slot = unpack(word.load(std::memory_order_relaxed));
    if (slot.baseline.calls <= 1) continue;
    slot.baseline.calls -= 1;
    word.store(pack(slot), std::memory_order_relaxed);
  }
  return *chosen;
}

}  // namespace weir
