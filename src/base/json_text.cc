#include "base/json_text.h"

#include <cstdint>
#include <cstring>

namespace weir {
namespace {

// Length of the valid UTF-8 sequence at `p` (2 to 4), or 0. Source: RFC 3629, section 4.
std::size_t utf8_sequence(const char* p, const char* end) noexcept {
  const auto at = [&](std::size_t i) { return static_cast<unsigned char>(p[i]); };
  const auto tail = [&](std::size_t i) { return at(i) >= 0x80 && at(i) <= 0xBF; };
  const auto left = static_cast<std::size_t>(end - p);
  const unsigned char first = at(0);
  if (first >= 0xC2 && first <= 0xDF) return left >= 2 && tail(1) ? 2 : 0;
  if (first >= 0xE0 && first <= 0xEF) {
    if (left < 3 || !tail(1) || !tail(2)) return 0;
    if (first == 0xE0 && at(1) < 0xA0) return 0;
    if (first == 0xED && at(1) > 0x9F) return 0;
    return 3;
  }
  if (first >= 0xF0 && first <= 0xF4) {
    if (left < 4 || !tail(1) || !tail(2) || !tail(3)) return 0;
    if (first == 0xF0 && at(1) < 0x90) return 0;
    if (first == 0xF4 && at(1) > 0x8F) return 0;
    return 4;
  }
  return 0;
}

int hex_value(char digit) noexcept {
  if (digit >= '0' && digit <= '9') return digit - '0';
  if (digit >= 'a' && digit <= 'f') return digit - 'a' + 10;
  if (digit >= 'A' && digit <= 'F') return digit - 'A' + 10;
  return -1;
}

// Value of four hex digits, or -1.
int hex4(const char* p, const char* end) noexcept {
  if (end - p < 4) return -1;
  int value = 0;
  for (int i = 0; i < 4; ++i) {
    const int digit = hex_value(p[i]);
    if (digit < 0) return -1;
    value = value * 16 + digit;
  }
  return value;
}

void append_code_point(std::string& out, std::uint32_t point) {
  const auto put = [&](std::uint32_t byte) { out.push_back(static_cast<char>(byte)); };
  if (point < 0x80) {
    put(point);
  } else if (point < 0x800) {
    put(0xC0 | (point >> 6));
    put(0x80 | (point & 0x3F));
  } else if (point < 0x10000) {
    put(0xE0 | (point >> 12));
    put(0x80 | ((point >> 6) & 0x3F));
    put(0x80 | (point & 0x3F));
  } else {
    put(0xF0 | (point >> 18));
    put(0x80 | ((point >> 12) & 0x3F));
    put(0x80 | ((point >> 6) & 0x3F));
    put(0x80 | (point & 0x3F));
  }
}

}  // namespace

json_text::StringEnd json_text::scan_string(const char* p, const char* end) noexcept {
  while (true) {
    p = plain_string_end(p, end);
    if (p == end) return {p, JsonFault::syntax};
    const auto byte = static_cast<unsigned char>(*p);
    if (byte == '"') return {p, JsonFault::none};
    if (byte >= 0x80) {
      const std::size_t size = utf8_sequence(p, end);
      if (size == 0) return {p, JsonFault::utf8};
      p += size;
    } else if (byte == '\\') {
      if (end - p < 2) return {p, JsonFault::syntax};
      switch (p[1]) {
        case '"':
        case '\\':
        case '/':
        case 'b':
        case 'f':
        case 'n':
        case 'r':
        case 't':
          p += 2;
          break;
        case 'u':
          if (hex4(p + 2, end) < 0) return {p, JsonFault::syntax};
          p += 6;
          break;
        default:
          return {p, JsonFault::syntax};
      }
    } else {
      return {p, JsonFault::syntax};  // a bare control character
    }
  }
}

std::string json_unescape(std::string_view raw) {
  if (raw.size() >= 2 && raw.front() == '"' && raw.back() == '"') raw = raw.substr(1, raw.size() - 2);
  std::string out;
  out.reserve(raw.size());
  const char* p = raw.data();
  const char* const end = p + raw.size();
  while (p != end) {
    const void* slash = std::memchr(p, '\\', static_cast<std::size_t>(end - p));
    const char* const stop = slash == nullptr ? end : static_cast<const char*>(slash);
    out.append(p, stop);
    if (stop == end || end - stop < 2) break;
    p = stop + 2;
    switch (stop[1]) {
      case 'b':
        out.push_back('\b');
        break;
      case 'f':
        out.push_back('\f');
        break;
      case 'n':
        out.push_back('\n');
        break;
      case 'r':
        out.push_back('\r');
        break;
      case 't':
        out.push_back('\t');
        break;
      case 'u': {
        const int high = hex4(p, end);
        if (high < 0) return out;
        p += 4;
        std::uint32_t point = static_cast<std::uint32_t>(high);
        if (high >= 0xD800 && high <= 0xDFFF) {
          point = 0xFFFD;
          if (high <= 0xDBFF && end - p >= 6 && p[0] == '\\' && p[1] == 'u') {
            const int low = hex4(p + 2, end);
            if (low >= 0xDC00 && low <= 0xDFFF) {
              point = 0x10000 + ((static_cast<std::uint32_t>(high) - 0xD800) << 10) +
                      (static_cast<std::uint32_t>(low) - 0xDC00);
              p += 6;
            }
          }
        }
        append_code_point(out, point);
        break;
      }
      default:
        out.push_back(stop[1]);
    }
  }
  return out;
}

void json_append_string(std::string& out, std::string_view text) {
  constexpr char kHex[] = "0123456789abcdef";
  out.push_back('"');
  const char* p = text.data();
  const char* const end = p + text.size();
  while (p != end) {
    const char* stop = json_text::plain_string_end(p, end);
    // Harmless in JSON, but not to a terminal.
    if (const void* del = std::memchr(p, 0x7F, static_cast<std::size_t>(stop - p)))
      stop = static_cast<const char*>(del);
    out.append(p, stop);
    if (stop == end) break;
    p = stop + 1;
    const char c = *stop;
    const auto byte = static_cast<unsigned char>(c);
    if (byte == '"' || byte == '\\') {
      out.push_back('\\');
      out.push_back(c);
    } else if (byte == '\n') {
      out += "\\n";
    } else if (byte == '\r') {
      out += "\\r";
    } else if (byte == '\t') {
      out += "\\t";
    } else if (byte < 0x20 || byte == 0x7F) {
      out += "\\u00";
      out.push_back(kHex[byte >> 4]);
      out.push_back(kHex[byte & 15]);
    } else {
      out.push_back(c);
    }
  }
  out.push_back('"');
}

bool utf8_valid(std::string_view text) noexcept {
  const char* p = text.data();
  const char* const end = p + text.size();
  while (p != end) {
    std::uint64_t eight = 0;
    if (end - p >= 8) std::memcpy(&eight, p, 8);
    if (end - p >= 8 && (eight & 0x8080808080808080U) == 0) {
      p += 8;
      continue;
    }
    if (static_cast<unsigned char>(*p) < 0x80) {
      ++p;
      continue;
    }
    const std::size_t size = utf8_sequence(p, end);
    if (size == 0) return false;
    p += size;
  }
  return true;
}

}  // namespace weir

namespace weir::json_text {

const char* plain_string_rest(const char* p, const char* end) noexcept {
#ifdef __SSE2__
  // Texts are long where they are not short: after two steps four at a time.
  for (int step = 0; end - p >= 16; ++step) {
    const int mask = _mm_movemask_epi8(not_plain(p));
    if (mask != 0) return p + __builtin_ctz(static_cast<unsigned>(mask));
    p += 16;
    if (step != 1) continue;
    while (end - p >= 64) {
      const __m128i any = _mm_or_si128(_mm_or_si128(not_plain(p), not_plain(p + 16)),
                                       _mm_or_si128(not_plain(p + 32), not_plain(p + 48)));
      if (_mm_movemask_epi8(any) != 0) break;
      p += 64;
    }
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
