// Chance as a value that is handed in: every choice of the gateway draws from a Random whose seed a test
// fixes. Invariant: the same seed gives the same numbers on every machine. Not for secrets. One owner, one
// thread. Source: Blackman and Vigna, "Scrambled linear pseudorandom number generators" (xoshiro256**,
// SplitMix64); Lemire, "Fast random integer generation in an interval".
#pragma once

#include <array>
#include <bit>
#include <cstddef>
#include <cstdint>
#include <limits>
#include <span>

namespace weir {

/// A stream of pseudo-random numbers with a period of 2^256 - 1. Satisfies UniformRandomBitGenerator.
class Random {
 public:
  using result_type = std::uint64_t;
  using State = std::array<std::uint64_t, 4>;

  /// The stream that belongs to `seed`; near seeds give unrelated streams.
  explicit Random(std::uint64_t seed) noexcept;
  /// The stream that begins at `state`, which has a bit set somewhere.
  explicit Random(const State& state) noexcept;
  /// A stream that nobody can repeat, seeded by the kernel.
  static Random from_system() noexcept;

  /// Bounds, as a standard generator has them.
  static constexpr result_type min() noexcept { return 0; }
  static constexpr result_type max() noexcept { return std::numeric_limits<result_type>::max(); }

  /// 64 random bits.
  std::uint64_t next() noexcept {
    const std::uint64_t result = std::rotl(state_[1] * 5, 7) * 9;
    const std::uint64_t shifted = state_[1] << 17;
    state_[2] ^= state_[0];
    state_[3] ^= state_[1];
    state_[1] ^= state_[2];
    state_[0] ^= state_[3];
    state_[2] ^= shifted;
    state_[3] = std::rotl(state_[3], 45);
    return result;
  }
  result_type operator()() noexcept { return next(); }

  /// An integer of [0, bound), each equally likely; `bound` is at least 1.
  std::uint64_t below(std::uint64_t bound) noexcept;
  /// An integer of [low, high], each equally likely; `low` is at most `high`.
  std::uint64_t between(std::uint64_t low, std::uint64_t high) noexcept;
  /// A number of [0, 1) with 53 random bits.
  double unit() noexcept { return static_cast<double>(next() >> 11) * 0x1.0p-53; }
  /// Fills `bytes`.
  void fill(std::span<std::byte> bytes) noexcept;

 private:
  State state_;
};

}  // namespace weir
