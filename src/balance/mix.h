// The finishing step of hashes: every bit of the input moves half of the output's. One to one, so that it
// never makes two different inputs meet. Source: Steele, Lea and Flood, "Fast splittable pseudorandom number
// generators".
#pragma once

#include <cstdint>

namespace weir {

/// `value` with its bits spread over the whole word.
constexpr std::uint64_t mix_bits(std::uint64_t value) noexcept {
  value = (value ^ (value >> 30)) * 0xbf58476d1ce4e5b9;
  value = (value ^ (value >> 27)) * 0x94d049bb133111eb;
  return value ^ (value >> 31);
}

}  // namespace weir
