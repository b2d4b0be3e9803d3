// The data of one server-sent event that is too long to be collected, read from the middle of its first line
// on. Source: HTML Living Standard, "Server-sent events".
#pragma once

#include <cstdint>
#include <string>
#include <string_view>

namespace weir {

/// Goes on where SseDecoder::take_begun() left the stream. One thread.
class SseDataReader {
 public:
  /// Needs bytes, has some data, the event has ended, or it is no message after all.
  enum class State : std::uint8_t { more, data, ended, refused };
  /// Takes bytes from the front of `received`, which it shortens. After `ended`, what is left in it belongs
  /// to the next event.
  State next(std::string_view& received);
  /// The data found last, never empty, a view into what was received. What separates two lines of it is told
  /// as a space: line breaks are white space between JSON tokens, where alone they can stand.
  std::string_view data() const noexcept { return data_; }

 private:
  bool end_line();

  bool in_data_ = true;
  bool after_cr_ = false;  // a LF that follows belongs to it
  bool refused_ = false;
  std::string line_;  // the begin of one that is not data, as far as is known
  std::string_view data_;
};

}  // namespace weir
