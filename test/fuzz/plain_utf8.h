// UTF-8 read and written character by character, apart from base/json, so that the two share no mistakes.
// Source: RFC 3629.
#pragma once

#include <cstddef>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

namespace weir::fuzz {

/// Decodes one character of UTF-8 off the front; nothing for what is none.
inline std::optional<std::uint32_t> take_character(std::string_view& text) {
  if (text.empty()) return std::nullopt;
  const auto first = static_cast<unsigned char>(text[0]);
  const std::size_t size = first < 0x80       ? 1
                           : first >> 5 == 6  ? 2
                           : first >> 4 == 14 ? 3
                           : first >> 3 == 30 ? 4
                                              : 0;
  if (size == 0 || text.size() < size) return std::nullopt;
  std::uint32_t out = size == 1 ? first : first & (0xFFU >> (size + 1));
  for (std::size_t i = 1; i < size; ++i) {
    const auto next = static_cast<unsigned char>(text[i]);
    if (next >> 6 != 2) return std::nullopt;
    out = out << 6 | (next & 0x3FU);
  }
  constexpr std::uint32_t least[] = {0, 0, 0x80, 0x800, 0x10000};
  if (out < least[size] || out > 0x10FFFF || (out >= 0xD800 && out <= 0xDFFF)) return std::nullopt;
  text.remove_prefix(size);
  return out;
}

/// True for UTF-8 throughout.
inline bool plain_utf8(std::string_view text) {
  while (!text.empty())
    if (!take_character(text)) return false;
  return true;
}

/// Appends one character.
inline void put_character(std::string& out, std::uint32_t c) {
  const auto put = [&](std::uint32_t byte) { out += static_cast<char>(byte); };
  if (c < 0x80) return put(c);
  if (c >= 0x10000) {
    put(0xF0 | c >> 18);
    put(0x80 | (c >> 12 & 0x3F));
  } else if (c >= 0x800) {
    put(0xE0 | c >> 12);
  }
  put(c >= 0x800 ? 0x80 | (c >> 6 & 0x3F) : 0xC0 | c >> 6);
  put(0x80 | (c & 0x3F));
}

}  // namespace weir::fuzz
