#include "http/sse.h"

#include <algorithm>
#include <utility>

#include "base/check.h"

namespace weir {
namespace {
constexpr std::string_view kData = "data:";
// As much of a line as tells an id, or that it is too long.
constexpr std::size_t kIdLineMax = std::string_view("id: ").size() + SseDecoder::kIdMax + 1;

bool can_be_named(std::string_view id) {
  const auto control = [](char c) {
    return (static_cast<unsigned char>(c) < 0x20 && c != '\t') || c == 0x7f;
  };
  return id.size() <= SseDecoder::kIdMax && std::none_of(id.begin(), id.end(), control);
}
}  // namespace

SseDecoder::State SseDecoder::next(std::string_view& received) {
  if (refused_) return State::refused;
  while (!received.empty()) {
    if (after_cr_) {
      after_cr_ = false;
      if (received.front() == '\n') {
        received.remove_prefix(1);
        continue;
      }
    }
    const std::size_t end = received.find_first_of("\r\n");
    const std::string_view part = received.substr(0, end);
    if (!skipping_ && line_.size() + part.size() + building_.data.size() > event_max_) {
      if (!skips_) {
        refused_ = true;
        return State::refused;
      }
      begin_skipping(part);
    }
    if (skipping_) skip(part);
    if (end == std::string_view::npos) {
      if (!skipping_) line_.append(part);
      received = {};
      if (tells_begun_ && !told_begun_ && !skipping_ && line_.size() > kLong && begins_message()) {
        told_begun_ = true;
        return State::begun;
      }
      break;
    }
    after_cr_ = received[end] == '\r';
    received.remove_prefix(end + 1);
    if (skipping_) {
      if (!end_skipped_line()) continue;
      skipping_ = false;
      return State::overlong;
    }
    bool whole;
    if (line_.empty()) {
      whole = take_line(part);
    } else {
      line_.append(part);
      whole = line_.size() > kLong ? take_long_line() : take_line(line_);
      line_.clear();
    }
    if (whole) return State::event;
  }
  return State::more;
}

// Keeps of an event too large what tells whose it is.
void SseDecoder::begin_skipping(std::string_view part) {
  constexpr std::size_t kBegin = 256;
  overlong_begin_ = building_.data.substr(0, kBegin);
  if (overlong_begin_.empty()) {
    std::string line = line_.substr(0, kBegin + kData.size() + 1);
    line += part.substr(0, kBegin + kData.size() + 1 - line.size());
    std::string_view value = line;
    if (value.starts_with(kData)) value.remove_prefix(kData.size());
    if (value.starts_with(' ')) value.remove_prefix(1);
    overlong_begin_ = value.substr(0, kBegin);
  }
  skipping_ = true;
  line_empty_ = line_.empty();
  line_ = line_.substr(0, kIdLineMax);
  std::string id = std::move(building_.id);
  building_ = {};
  building_.id = std::move(id);
  has_data_ = false;
}

// Of an event that is left out its id counts, wherever it stands.
void SseDecoder::skip(std::string_view part) {
  if (part.empty()) return;
  line_empty_ = false;
  line_.append(part.substr(0, kIdLineMax - line_.size()));
}

// True: the event ends here.
bool SseDecoder::end_skipped_line() {
  const bool ends = std::exchange(line_empty_, true);
  if (ends || line_.starts_with("id")) (void)take_line(line_);
  line_.clear();
  return ends;
}

bool SseDecoder::begins_message() const {
  const bool message = building_.type.empty() || building_.type == "message";
  return message && !has_data_ && line_.starts_with(kData);
}

std::string_view SseDecoder::begun() const noexcept {
  return std::string_view(line_).substr(kData.size() + (line_[kData.size()] == ' ' ? 1 : 0));
}

std::string SseDecoder::take_begun() {
  line_.erase(0, line_.size() - begun().size());
  return std::exchange(line_, std::string());
}

// Data that fills an event by itself becomes the event's.
bool SseDecoder::take_long_line() {
  bool whole = false;
  if (line_.starts_with(kData) && !has_data_) {
    line_.erase(0, line_.size() - begun().size());
    building_.data.swap(line_);
    begun_ = has_data_ = true;
  } else {
    whole = take_line(line_);
  }
  std::string().swap(line_);
  return whole;
}

bool SseDecoder::take_line(std::string_view line) {
  if (!begun_) {
    begun_ = true;
    if (line.starts_with("\xEF\xBB\xBF")) line.remove_prefix(3);
  }
  if (line.empty()) {
    const bool whole = std::exchange(has_data_, false);
    SseEvent built = std::exchange(building_, SseEvent{});
    if (has_id_) last_id_ = built.id;
    has_id_ = told_begun_ = false;
    if (!whole || built.data.empty()) return false;
    event_ = std::move(built);
    return true;
  }
  const std::size_t colon = line.find(':');
  if (colon == 0) return false;
  const std::string_view name = line.substr(0, colon);
  std::string_view value = colon == std::string_view::npos ? std::string_view() : line.substr(colon + 1);
  if (!value.empty() && value.front() == ' ') value.remove_prefix(1);
  if (name == "data") {
    if (has_data_) building_.data.push_back('\n');
    building_.data.append(value);
    has_data_ = true;
  } else if (name == "event") {
    building_.type = value;
  } else if (name == "id") {
    if (value.find('\0') != std::string_view::npos) return false;
    building_.id = can_be_named(value) ? value : std::string_view();
    has_id_ = true;
  } else if (name == "retry" && !value.empty() && value.size() <= 9 &&
             value.find_first_not_of("0123456789") == std::string_view::npos) {
    std::uint32_t wait = 0;
    for (const char c : value) wait = wait * 10 + static_cast<std::uint32_t>(c - '0');
    retry_ms_ = wait;
  }
  return false;
}

void sse_append_event(std::string& out, std::string_view json, std::string_view id, std::string_view type) {
  WEIR_CHECK(id.find_first_of("\r\n") == std::string_view::npos);
  if (!id.empty()) {
    out += "id: ";
    out += id;
    out += '\n';
  }
  if (!type.empty()) out.append("event: ").append(type).append("\n");
  out += "data: ";
  // Line breaks are white space between JSON tokens; inside an event they would end the line.
  for (const char c : json) out += c == '\r' || c == '\n' ? ' ' : c;
  out += "\n\n";
}

void sse_append_priming(std::string& out, std::string_view id, std::chrono::milliseconds retry) {
  WEIR_CHECK(id.find_first_of("\r\n") == std::string_view::npos);
  out.append("id: ")
      .append(id)
      .append("\nretry: ")
      .append(std::to_string(retry.count()))
      .append("\ndata:\n\n");
}

void sse_append_comment(std::string& out) { out += ":\n\n"; }

}  // namespace weir
