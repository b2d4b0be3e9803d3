// How long calls of each kind usually take at a server, whichever endpoint answers: what makes a sample of a
// slow tool and one of a quick tool say the same thing. A small table that forgets: where more kinds are
// called than it holds, some begin anew, which costs samples and never makes them wrong. Any shard, no lock;
// of samples that come at the same moment one may be lost. Shared by a server's successive pickers.
#pragma once

#include <array>
#include <atomic>
#include <cstdint>

namespace weir {

/// What is known of one kind.
struct Baseline {
  float usual = 0;          // mean of the base-2 logarithms of nanoseconds
  std::uint32_t calls = 0;  // that it is made from, up to 255; 0: nothing is known
};

class Baselines {
 public:
  /// What is known of `kind`.
  Baseline find(std::uint64_t kind) const noexcept;
  /// Takes one call in, of the logarithm `took`. What was known before it.
  Baseline learn(std::uint64_t kind, float took) noexcept;

 private:
  // One word each: the mean, the count, and bits of the kind that tell it from others of its row.
  using Row = std::array<std::atomic<std::uint64_t>, 8>;
  struct alignas(64) Line {
    Row slots{};
  };
  std::atomic<std::uint64_t>& make_room(Row& row) noexcept;

  static constexpr std::size_t kRows = 32;
  std::array<Line, kRows> rows_;
  std::atomic<std::uint32_t> turn_{0};
};

}  // namespace weir
