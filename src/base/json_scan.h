// The inner loop of all that reads JSON: how far a string is plain.
#pragma once

#ifdef __SSE2__
#include <emmintrin.h>
#endif

namespace weir::json_text {

/// The same from anywhere inside a string, for what lies behind its first bytes.
const char* plain_string_rest(const char* p, const char* end) noexcept;

#ifdef __SSE2__
/// A byte of ones for each that a string's plain run cannot hold. Signed: bytes from 0x80 are below 0x20 too.
inline __m128i not_plain(const char* at) noexcept {
  const __m128i bytes = _mm_loadu_si128(reinterpret_cast<const __m128i*>(at));
  return _mm_or_si128(
      _mm_or_si128(_mm_cmpeq_epi8(bytes, _mm_set1_epi8('"')), _mm_cmpeq_epi8(bytes, _mm_set1_epi8('\\'))),
      _mm_cmplt_epi8(bytes, _mm_set1_epi8(0x20)));
}
#endif

/// The first byte at or after `p` that a string's plain run cannot hold: quote, backslash, control, not
/// ASCII; or `end`.
inline const char* plain_string_end(const char* p, const char* end) noexcept {
#ifdef __SSE2__
  if (end - p >= 16) {
    const int mask = _mm_movemask_epi8(not_plain(p));
    if (mask != 0) return p + __builtin_ctz(static_cast<unsigned>(mask));
    p += 16;
  }
#endif
  return plain_string_rest(p, end);
}

}  // namespace weir::json_text
