#include "http/chunked.h"

#include <algorithm>

namespace weir {
namespace {

int hex_digit(char c) noexcept {
  if (c >= '0' && c <= '9') return c - '0';
  if (c >= 'a' && c <= 'f') return c - 'a' + 10;
  if (c >= 'A' && c <= 'F') return c - 'A' + 10;
  return -1;
}

bool printable(char c) noexcept {
  const auto byte = static_cast<unsigned char>(c);
  return byte == '\t' || (byte >= 0x20 && byte != 0x7F);
}
bool printable(std::string_view text) noexcept {
  return std::all_of(text.begin(), text.end(), [](char c) { return printable(c); });
}

bool is_token(char c) noexcept {
  return (c >= '0' && c <= '9') || (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') ||
         (c != '\0' && std::string_view("!#$%&'*+-.^_`|~").find(c) != std::string_view::npos);
}

// Steps over what stands at the front of `text`.
void skip_space(std::string_view& text) noexcept {
  while (!text.empty() && (text.front() == ' ' || text.front() == '\t')) text.remove_prefix(1);
}
bool skip_token(std::string_view& text) noexcept {
  std::size_t size = 0;
  while (size != text.size() && is_token(text[size])) ++size;
  text.remove_prefix(size);
  return size != 0;
}
bool skip_quoted(std::string_view& text) noexcept {
  std::size_t at = 1;
  while (at < text.size() && text[at] != '"') {
    if (text[at] == '\\') ++at;
    if (at >= text.size() || !printable(text[at])) return false;
    ++at;
  }
  if (at >= text.size()) return false;
  text.remove_prefix(at + 1);
  return true;
}

// *( BWS ";" BWS name [ BWS "=" BWS ( token / quoted-string ) ] ). Whoever skipped them without reading could
// take a quoted line end for a real one. Source: RFC 9112, section 7.1.1.
bool extensions_valid(std::string_view text) noexcept {
  while (true) {
    if (text.empty()) return true;
    skip_space(text);
    if (text.empty() || text.front() != ';') return false;
    text.remove_prefix(1);
    skip_space(text);
    if (!skip_token(text)) return false;
    std::string_view value = text;
    skip_space(value);
    if (value.empty() || value.front() != '=') continue;
    text = value.substr(1);
    skip_space(text);
    if (text.empty() || !(text.front() == '"' ? skip_quoted(text) : skip_token(text))) return false;
  }
}

// A field line. Source: RFC 9112, section 5.
bool field_valid(std::string_view line) noexcept {
  return skip_token(line) && !line.empty() && line.front() == ':' && printable(line);
}

}  // namespace

ChunkedDecoder::State ChunkedDecoder::refuse(std::string_view reason) noexcept {
  reason_ = reason;
  place_ = Place::end;
  return State::refused;
}

ChunkedDecoder::State ChunkedDecoder::next(std::string_view received) {
  data_ = {};
  consumed_ = 0;
  if (!reason_.empty()) return State::refused;
  while (true) {
    const std::string_view rest = received.substr(consumed_);
    switch (place_) {
      case Place::size_line: {
        const State state = size_line(rest);
        if (state != State::data) return state;
        break;
      }
      case Place::body:
        if (rest.empty()) return State::more;
        data_ = rest.substr(0, static_cast<std::size_t>(std::min<std::uint64_t>(left_, rest.size())));
        left_ -= data_.size();
        consumed_ += data_.size();
        if (left_ == 0) place_ = Place::body_end;
        return State::data;
      case Place::body_end:
        if (!rest.empty() && rest[0] != '\r') return refuse("chunk data does not end in CRLF");
        if (rest.size() < 2) return State::more;
        if (rest[1] != '\n') return refuse("chunk data does not end in CRLF");
        consumed_ += 2;
        place_ = Place::size_line;
        break;
      case Place::trailers: {
        const State state = trailers(rest);
        if (state != State::data) return state;
        break;
      }
      case Place::end:
        return State::done;
    }
  }
}

// `data` means: go on.
ChunkedDecoder::State ChunkedDecoder::size_line(std::string_view received) {
  const std::size_t feed = received.find('\n');
  const std::size_t length = feed == std::string_view::npos ? received.size() : feed;
  // What is there is judged at once and first: a wrong first byte need not wait for its line.
  std::uint64_t size = 0;
  std::size_t i = 0;
  for (; i < length && hex_digit(received[i]) >= 0; ++i) {
    if (i == 15) return refuse("chunk size too large");
    size = size * 16 + static_cast<std::uint64_t>(hex_digit(received[i]));
  }
  if (i == 0 && length != 0) return refuse("invalid chunk size");
  // The line's end does not count, whether it has come or not.
  const std::size_t text = length != 0 && received[length - 1] == '\r' ? length - 1 : length;
  if (text > kSizeLineMax) return refuse("chunk size line too long");
  if (feed == std::string_view::npos) return State::more;
  if (i == 0 || received[feed - 1] != '\r') return refuse("a chunk size line ends in CRLF");
  const std::string_view extension = received.substr(i, feed - 1 - i);
  if (!extensions_valid(extension)) return refuse("invalid chunk size or extension");
  extensions_ += extension.size();
  if (extensions_ > kExtensionsMax) return refuse("too many chunk extensions");
  consumed_ += feed + 1;
  left_ = size;
  place_ = size == 0 ? Place::trailers : Place::body;
  return State::data;
}

ChunkedDecoder::State ChunkedDecoder::trailers(std::string_view received) {
  const std::size_t feed = received.find('\n');
  if (trailers_ + std::min(received.size(), feed) > kTrailersMax) return refuse("trailers too large");
  if (feed == std::string_view::npos) return State::more;
  if (feed == 0 || received[feed - 1] != '\r') return refuse("a trailer line ends in CRLF");
  const std::string_view line = received.substr(0, feed - 1);
  if (!line.empty() && !field_valid(line)) return refuse("invalid trailer");
  trailers_ += feed + 1;
  consumed_ += feed + 1;
  if (line.empty()) place_ = Place::end;
  return State::data;
}

}  // namespace weir
