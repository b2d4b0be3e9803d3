// The inner loop of all that reads JSON: how far a string is plain.
#pragma once

#ifdef __SSE2__
#include <emmintrin.h>
#endif

namespace weir::json_text {

/// The first byte at or after `p` that a string's plain run cannot hold: quote, backslash, control, not
/// ASCII; or `end`.
inline const char* plain_string_end(const char* p, const char* end) noexcept {
#ifdef __SSE2__
  const __m128i quote = _mm_set1_epi8('"');
  const __m128i slash = _mm_set1_epi8('\\');
  const __m128i space = _mm_set1_epi8(0x20);
  while (end - p >= 16) {
    const __m128i bytes = _mm_loadu_si128(reinterpret_cast<const __m128i*>(p));
    // Signed: bytes from 0x80 are below 0x20 too.
    const __m128i found =
        _mm_or_si128(_mm_or_si128(_mm_cmpeq_epi8(bytes, quote), _mm_cmpeq_epi8(bytes, slash)),
                     _mm_cmplt_epi8(bytes, space));
    const int mask = _mm_movemask_epi8(found);
    if (mask != 0) return p + __builtin_ctz(static_cast<unsigned>(mask));
    p += 16;
  }
#endif
  while (p != end) {
    const auto byte = static_cast<unsigned char>(*p);
    if (byte == '"' || byte == '\\' || byte < 0x20 || byte >= 0x80) return p;
    ++p;
  }
  return p;
}

}  // namespace weir::json_text
