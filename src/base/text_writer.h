// Text into storage that is known to be large enough: what goes out on each call is measured first and then
// written once, without a string's growing.
#pragma once

#include <charconv>
#include <cstddef>
#include <cstring>
#include <string_view>

namespace weir {

/// Writes behind `to`; the caller has counted the room.
class TextWriter {
 public:
  explicit TextWriter(char* to) noexcept : at_(to) {}
  /// At most part.size() bytes.
  TextWriter& text(std::string_view part) noexcept {
    if (!part.empty()) {
      std::memcpy(at_, part.data(), part.size());
      at_ += part.size();
    }
    return *this;
  }
  /// `name: value` and CRLF; 4 bytes besides both.
  TextWriter& line(std::string_view name, std::string_view value) noexcept {
    return text(name).text(": ").text(value).text("\r\n");
  }
  /// Decimal; at most 20 bytes.
  TextWriter& number(std::size_t value) noexcept {
    at_ = std::to_chars(at_, at_ + 20, value).ptr;
    return *this;
  }
  /// Where the next byte goes.
  char* at() const noexcept { return at_; }
  /// Goes on at `to`, behind what somebody else has written.
  void go_on(char* to) noexcept { at_ = to; }

 private:
  char* at_;
};

}  // namespace weir
