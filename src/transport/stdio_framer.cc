#include "transport/stdio_framer.h"

#include <algorithm>
#include <cstring>

#include "base/check.h"

namespace weir {
namespace {

constexpr std::size_t kWindowMin = 4096;  // less room than this is not worth a system call
constexpr std::size_t kLineEnd = 2;       // "\r\n"

bool blank(std::string_view text) { return text.find_first_not_of(" \t\r") == std::string_view::npos; }

}  // namespace

std::optional<Result<Bytes>> StdioFramer::next() {
  while (scanned_ < end_) {
    const char* const data = buffer_.data();
    const void* const found = std::memchr(data + scanned_, '\n', end_ - scanned_);
    if (found == nullptr) {
      scanned_ = end_;
      break;
    }
    const std::size_t begin = begin_;
    const auto end = static_cast<std::size_t>(static_cast<const char*>(found) - data);
    begin_ = scanned_ = end + 1;
    if (std::exchange(skipping_, false)) continue;
    const std::size_t content = end > begin && data[end - 1] == '\r' ? end - 1 : end;
    if (content - begin > line_max_) return overlong(begin);
    if (auto whole = line(begin, content)) return Result<Bytes>(*std::move(whole));
  }
  if (skipping_) {
    begin_ = scanned_ = end_;
    return std::nullopt;
  }
  // The last byte may be the \r of a line's end, so one more than the limit is not yet too much.
  if (end_ - begin_ <= line_max_ + 1) return std::nullopt;
  skipping_ = true;
  const std::size_t begin = std::exchange(begin_, end_);
  scanned_ = end_;
  return overlong(begin);
}

tl::unexpected<Error> StdioFramer::overlong(std::size_t begin) {
  overlong_begin_.assign(buffer_.data() + begin, std::min<std::size_t>(256, end_ - begin));
  return fail(Error::Kind::too_large, Error::Side::upstream, Error::Sent::maybe,
              "a line on stdout is longer than " + std::to_string(line_max_) + " bytes");
}

std::optional<Bytes> StdioFramer::finish() {
  const std::size_t begin = std::exchange(begin_, end_);
  scanned_ = end_;
  if (std::exchange(skipping_, false) || begin == end_) return std::nullopt;
  const std::size_t content = buffer_.data()[end_ - 1] == '\r' ? end_ - 1 : end_;
  if (content - begin > line_max_) return std::nullopt;
  return line(begin, content);
}

std::optional<Bytes> StdioFramer::line(std::size_t begin, std::size_t end) {
  const std::string_view text(buffer_.data() + begin, end - begin);
  if (blank(text)) return std::nullopt;
  floor_ = end + Buffer::kPadding;
  return Bytes(buffer_, text);
}

std::span<char> StdioFramer::window() {
  make_room();
  return {buffer_.data() + end_, buffer_.capacity() - end_};
}

void StdioFramer::received(std::size_t count) {
  WEIR_CHECK(count <= buffer_.capacity() - end_);
  end_ += count;
}

// The line under way stays in one piece. It moves to the front of a buffer that nobody shares, or behind the
// padding of the lines handed out, or into a new buffer: a larger one as it grows, a small one again after a
// giant.
void StdioFramer::make_room() {
  const std::size_t held = end_ - begin_;
  const std::size_t longest = line_max_ + kLineEnd;
  const std::size_t wanted = std::clamp<std::size_t>(longest - std::min(held, longest), 1, kWindowMin);
  const bool giant = buffer_.capacity() > Buffer::kReceive && held * 2 <= Buffer::kReceive;
  if (buffer_ && !giant) {
    const auto roomy = [&](std::size_t at) { return buffer_.capacity() >= at + held + wanted; };
    if (held == 0 && buffer_.unique()) begin_ = scanned_ = end_ = floor_ = 0;
    if (end_ >= floor_ && roomy(begin_)) return;
    if (buffer_.unique() && roomy(0)) return move_line(buffer_, 0);
    if (end_ < floor_ && roomy(floor_)) return move_line(buffer_, floor_);
  }
  const std::size_t capacity = std::max(Buffer::kReceive, std::min(held * 2, longest));
  move_line(Buffer(std::max(capacity, held + 1)), 0);
}

void StdioFramer::move_line(Buffer to, std::size_t at) {
  const std::size_t held = end_ - begin_;
  if (held > 0) std::memmove(to.data() + at, buffer_.data() + begin_, held);
  buffer_ = std::move(to);
  scanned_ = at + (scanned_ - begin_);
  begin_ = at;
  end_ = at + held;
  if (at == 0) floor_ = 0;
}

void LogLines::hold(std::string_view part) {
  const std::size_t room = line_max_ - held_.size();
  if (part.size() > room) cut_ = true;
  held_.append(part.substr(0, room));
}

LogLines::Line LogLines::held() const {
  std::string_view text = held_;
  if (cut_) {
    // Not through the middle of a UTF-8 character.
    std::size_t end = text.size();
    while (end > 0 && text.size() - end < 3 && (static_cast<unsigned char>(text[end - 1]) & 0xC0) == 0x80)
      --end;
    if (end > 0 && (static_cast<unsigned char>(text[end - 1]) & 0xC0) == 0xC0) text = text.substr(0, end - 1);
  } else if (!text.empty() && text.back() == '\r') {
    text.remove_suffix(1);
  }
  return {blank(text) ? std::string_view() : text, cut_};
}

}  // namespace weir
