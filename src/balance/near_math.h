// Powers and logarithms to the base 2 for estimates: a part in a hundred, for a tenth of the library's
// instructions. Source: the exponent is in the number's bits; between two powers a polynomial of its
// fraction.
#pragma once

#include <algorithm>
#include <bit>
#include <cstdint>

#include "runtime/time.h"

namespace weir {

/// 2^x within 0.4 %, for x of [-120, 120].
inline float near_exp2(float x) noexcept {
  const float shifted = x + 127;  // positive: truncation is the floor
  const auto whole = static_cast<std::int32_t>(shifted);
  const float part = shifted - static_cast<float>(whole);
  const float between = 1 + part * (0.6565F + part * 0.3435F);
  return std::bit_cast<float>(std::bit_cast<std::int32_t>(between) + ((whole - 127) << 23));
}

/// The logarithm of x > 0, within 0.01.
inline float near_log2(float x) noexcept {
  const auto bits = std::bit_cast<std::int32_t>(x);
  const auto whole = static_cast<float>((bits >> 23) - 128);
  const float part = std::bit_cast<float>((bits & 0x7fffff) | 0x3f800000);  // of [1, 2)
  return whole + (-0.3358287811F * part + 2) * part - 0.65871759316667F;
}

/// A time as baselines take it: in nanoseconds, and no shorter than can be told from nothing.
inline float nanoseconds_of(Duration took) noexcept {
  return std::max(1e3F, static_cast<float>(std::chrono::nanoseconds(took).count()));
}

}  // namespace weir
