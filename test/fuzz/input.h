// What a fuzz target takes off the front of its input: choices by single bytes, and texts that end where a
// byte 0xFF stands, which is in no UTF-8. So a seed can be written by hand, and a dictionary's words fit
// anywhere.
#pragma once

#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <string_view>

namespace weir::fuzz {

class Input {
 public:
  Input(const std::uint8_t* data, std::size_t size) : left_(reinterpret_cast<const char*>(data), size) {}

  bool empty() const noexcept { return left_.empty(); }
  /// The next byte; 0 behind the last.
  std::uint8_t byte() {
    if (left_.empty()) return 0;
    const auto first = static_cast<std::uint8_t>(left_.front());
    left_.remove_prefix(1);
    return first;
  }
  /// A number below `bound`, which is 256 at most.
  std::size_t below(std::size_t bound) { return byte() % bound; }
  /// The text up to the next 0xFF, which is passed.
  std::string_view text() {
    const std::string_view out = left_.substr(0, left_.find('\xFF'));
    left_.remove_prefix(std::min(left_.size(), out.size() + 1));
    return out;
  }
  /// All that is left.
  std::string_view rest() const noexcept { return left_; }

 private:
  std::string_view left_;
};

}  // namespace weir::fuzz
