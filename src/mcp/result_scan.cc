#include "mcp/result_scan.h"

#include "base/json.h"
#include "base/json_scan.h"

namespace weir {

// Beyond ASCII. Source: The Unicode Standard, table 3-7.
bool ResultScan::take_byte(unsigned char byte) noexcept {
  if (missing_ != 0) {
    if (byte < least_ || byte > most_) return false;
    least_ = 0x80;
    most_ = 0xBF;
    --missing_;
    return true;
  }
  if (byte < 0xC2 || byte > 0xF4) return false;
  missing_ = byte < 0xE0 ? 1 : byte < 0xF0 ? 2 : 3;
  least_ = byte == 0xE0 ? 0xA0 : byte == 0xF0 ? 0x90 : 0x80;
  most_ = byte == 0xED ? 0x9F : byte == 0xF4 ? 0x8F : 0xBF;
  return true;
}

std::size_t ResultScan::feed(std::string_view bytes) noexcept {
  const char* const begin = bytes.data();
  const char* const end = begin + bytes.size();
  const char* at = begin;
  while (at != end && !ended_) {
    if (in_string_ && missing_ == 0 && !escaped_) at = json_text::plain_string_end(at, end);
    if (at == end) break;
    const auto byte = static_cast<unsigned char>(*at++);
    if (byte >= 0x80 || missing_ != 0) {
      // Outside of strings there is nothing but ASCII.
      if (!in_string_ || escaped_ || !take_byte(byte)) return npos;
    } else if (in_string_) {
      if (byte < 0x20) return npos;
      in_string_ = escaped_ || byte != '"';
      escaped_ = !escaped_ && byte == '\\';
    } else if (byte == '"') {
      in_string_ = true;
    } else if (byte == '{' || byte == '[') {
      if (++depth_ > JsonLimits().depth_max) return npos;
    } else if (byte == '}' || byte == ']') {
      ended_ = --depth_ == 0;
    }
  }
  return static_cast<std::size_t>(at - begin);
}

}  // namespace weir
