// Follows the result of a large response as it passes, without keeping it: strings and brackets only, so that
// its end is known, and nothing else is taken for it. What else a JSON text must be its reader finds out.
// Pure. Source: RFC 8259, sections 2, 7 and 8.1.
#pragma once

#include <cstddef>
#include <cstdint>
#include <string_view>

namespace weir {

class ResultScan {
 public:
  /// As for strings: no place.
  static constexpr std::size_t npos = static_cast<std::size_t>(-1);

  /// The next bytes, the first from the result's brace on. How many of them are the result's: all while it
  /// goes on, fewer where it ends within them. npos: it is nested deeper than 128, holds a control character
  /// within a string, or is no UTF-8.
  std::size_t feed(std::string_view bytes) noexcept;
  /// True once its last brace has come.
  bool ended() const noexcept { return ended_; }

 private:
  bool take_byte(unsigned char byte) noexcept;

  std::size_t depth_ = 0;
  bool ended_ = false;
  bool in_string_ = false;
  bool escaped_ = false;
  // Of the sequence of UTF-8 under way: bytes that are missing, and what the next may be.
  unsigned missing_ = 0;
  unsigned char least_ = 0x80;
  unsigned char most_ = 0xBF;
};

}  // namespace weir
