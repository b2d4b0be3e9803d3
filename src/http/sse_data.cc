#include "http/sse_data.h"

#include <utility>

namespace weir {
namespace {
constexpr std::size_t kLineMax = 64;  // what is looked at of a line that is not data
constexpr std::string_view kLineBreak = " ";
}  // namespace

SseDataReader::State SseDataReader::next(std::string_view& received) {
  if (refused_) return State::refused;
  while (!received.empty()) {
    if (std::exchange(after_cr_, false) && received.front() == '\n') {
      received.remove_prefix(1);
      continue;
    }
    if (in_data_) {
      const std::size_t end = received.find_first_of("\r\n");
      data_ = received.substr(0, end);
      if (end == std::string_view::npos) {
        received = {};
        return State::data;
      }
      in_data_ = false;
      after_cr_ = received[end] == '\r';
      received.remove_prefix(end + 1);
      if (!data_.empty()) return State::data;
      continue;
    }
    const char c = received.front();
    received.remove_prefix(1);
    if (c == '\r' || c == '\n') {
      after_cr_ = c == '\r';
      if (line_.empty()) return State::ended;
      const bool data = line_ == "data";
      refused_ = !end_line();
      if (refused_) return State::refused;
      if (!data) continue;
    } else {
      if (line_.size() < kLineMax) line_ += c;
      if (line_ != "data:") continue;
      in_data_ = true;
      line_.clear();
    }
    data_ = kLineBreak;
    return State::data;
  }
  return State::more;
}

// False: the event is of a type of its own. Its id and the rest change nothing for a message.
bool SseDataReader::end_line() {
  const std::string line = std::exchange(line_, std::string());
  constexpr std::string_view name = "event";
  if (!line.starts_with(name)) return true;
  std::string_view value = std::string_view(line).substr(name.size());
  if (!value.empty() && value.front() != ':') return true;
  if (!value.empty()) value.remove_prefix(1);
  if (!value.empty() && value.front() == ' ') value.remove_prefix(1);
  return value.empty() || value == "message";
}

}  // namespace weir
