// Fuzzes event streams: whatever the slices, the events are those of the whole input, and what we write
// ourselves is read back as written. The first byte chooses the slicing, the second the bound of one event.
#include <algorithm>
#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "base/check.h"
#include "http/sse.h"
#include "http/sse_data.h"

namespace {

struct Outcome {
  std::vector<std::string> events;  // type, LF, data
  bool refused = false;
  std::string last_id;
  std::optional<std::uint32_t> retry_ms;
  bool operator==(const Outcome&) const = default;
};

Outcome decode(std::string_view text, std::size_t slice, std::size_t event_max,
               weir::SseDecoder::Overlong overlong = weir::SseDecoder::Overlong::refuse) {
  weir::SseDecoder decoder(event_max, overlong);
  Outcome outcome;
  for (std::size_t at = 0; at < text.size() && !outcome.refused; at += slice) {
    const std::string piece(text.substr(at, slice));
    std::string_view received = piece;
    while (true) {
      const weir::SseDecoder::State state = decoder.next(received);
      if (state == weir::SseDecoder::State::refused) outcome.refused = true;
      if (state == weir::SseDecoder::State::overlong) {
        WEIR_CHECK(decoder.overlong_begin().size() <= 256);
        outcome.events.push_back("overlong");
        continue;
      }
      if (state != weir::SseDecoder::State::event) break;
      const weir::SseEvent& event = decoder.event();
      WEIR_CHECK(!event.data.empty() && event.data.size() <= event_max);
      WEIR_CHECK(event.data.find('\r') == std::string::npos);
      WEIR_CHECK(event.type.find_first_of("\r\n") == std::string::npos);
      outcome.events.push_back(event.type + "\n" + event.data);
    }
    WEIR_CHECK(outcome.refused || received.empty());
  }
  outcome.last_id = decoder.last_id();
  outcome.retry_ms = decoder.retry_ms();
  WEIR_CHECK(outcome.last_id.find_first_of(std::string_view("\r\n\0", 3)) == std::string::npos);
  return outcome;
}

// An event that we write is one event, with line breaks as spaces, and comments are none.
void check_written(std::string_view json) {
  std::string wire;
  weir::sse_append_comment(wire);
  weir::sse_append_event(wire, json, "1-7");
  weir::sse_append_comment(wire);
  std::string data(json);
  for (char& c : data)
    if (c == '\r' || c == '\n') c = ' ';
  const Outcome outcome = decode(wire, wire.size(), wire.size());
  WEIR_CHECK(outcome.events.size() == (data.empty() ? 0u : 1u) && outcome.last_id == "1-7");
  if (!data.empty()) WEIR_CHECK(outcome.events[0] == "\n" + data);
}

struct Rest {
  std::string data;
  std::string left;  // behind the event
  weir::SseDataReader::State state = weir::SseDataReader::State::more;
  bool operator==(const Rest&) const = default;
};

// Reads `text` from the middle of a data line on.
Rest read_data(std::string_view text, std::size_t slice) {
  using State = weir::SseDataReader::State;
  weir::SseDataReader reader;
  Rest rest;
  for (std::size_t at = 0; at < text.size() && (rest.state == State::more); at += slice) {
    const std::string piece(text.substr(at, slice));
    std::string_view received = piece;
    while ((rest.state = reader.next(received)) == State::data) {
      WEIR_CHECK(!reader.data().empty() && reader.data().find_first_of("\r\n") == std::string_view::npos);
      rest.data += reader.data();
    }
    WEIR_CHECK(rest.state != State::more || received.empty());
    if (rest.state != State::more)
      rest.left = std::string(received) + std::string(text.substr(std::min(text.size(), at + slice)));
  }
  return rest;
}

std::string without_breaks(std::string text) {
  std::erase_if(text, [](char c) { return c == ' ' || c == '\n'; });
  return text;
}

// A message that is read piece by piece is the one that would have been collected.
void check_pieces(std::string_view text, std::size_t slice) {
  const Rest rest = read_data(text, text.size() + 1);
  WEIR_CHECK(read_data(text, slice) == rest && read_data(text, 1) == rest);
  const std::string data = without_breaks(rest.data);
  if (rest.state != weir::SseDataReader::State::ended || data.empty()) return;
  const Outcome collected = decode("data:" + std::string(text), text.size() + 6, text.size() + 6);
  WEIR_CHECK(!collected.events.empty());
  const std::string& first = collected.events.front();
  const std::string type = first.substr(0, first.find('\n'));
  WEIR_CHECK(type.empty() || type == "message");
  WEIR_CHECK(without_breaks(first.substr(type.size())) == data);
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  if (size < 2 || size > 16384) return 0;
  const std::size_t slice = data[0] % 64 + 1u;
  const std::size_t event_max = data[1] < 128 ? data[1] + 8u : 65536u;
  const std::string_view text(reinterpret_cast<const char*>(data + 2), size - 2);
  const Outcome whole = decode(text, text.size() + 1, event_max);
  WEIR_CHECK(decode(text, slice, event_max) == whole);
  WEIR_CHECK(decode(text, 1, event_max) == whole);
  const auto skip = weir::SseDecoder::Overlong::skip;
  const Outcome skipping = decode(text, text.size() + 1, event_max, skip);
  WEIR_CHECK(!skipping.refused && decode(text, slice, event_max, skip) == skipping);
  WEIR_CHECK(whole.refused || skipping == whole);
  check_written(text);
  check_pieces(text, slice);
  return 0;
}
