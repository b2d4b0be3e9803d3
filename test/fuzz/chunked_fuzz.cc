// Fuzzes the chunked decoder: whatever the slices, body, end and refusal are those of the whole input, and
// what is taken a plain reader takes too. The first byte chooses the slicing.
#include <algorithm>
#include <cstdint>
#include <string>
#include <string_view>

#include "base/check.h"
#include "http/chunked.h"

namespace {

using State = weir::ChunkedDecoder::State;

struct Outcome {
  State state = State::more;
  std::string body;
  std::size_t used = 0;
  std::string_view reason;
  bool operator==(const Outcome&) const = default;
};

// Each call sees a copy of what is not yet consumed, so that a read behind its end is seen.
Outcome decode(std::string_view text, std::size_t slice) {
  weir::ChunkedDecoder decoder;
  Outcome outcome;
  for (std::size_t end = 0; outcome.state == State::more && end < text.size();) {
    end = std::min(end + slice, text.size());
    while (true) {
      const std::string received(text.substr(outcome.used, end - outcome.used));
      outcome.state = decoder.next(received);
      WEIR_CHECK(decoder.consumed() <= received.size());
      if (outcome.state == State::data) {
        WEIR_CHECK(!decoder.data().empty() && decoder.data().size() <= decoder.consumed());
      } else {
        WEIR_CHECK(decoder.data().empty());
      }
      if (outcome.state != State::refused) outcome.used += decoder.consumed();
      outcome.body += decoder.data();
      if (outcome.state != State::data) break;
    }
  }
  outcome.reason = decoder.reason();
  if (outcome.state == State::refused) {
    WEIR_CHECK(decoder.next("0\r\n\r\n") == State::refused);
    outcome.used = 0;  // how much was taken before is nobody's business
  }
  return outcome;
}

// A body that has ended, by the grammar of RFC 9112 section 7.1.
void check_plainly(std::string_view text, const Outcome& outcome) {
  const auto line = [&] {
    const std::size_t end = text.find("\r\n");
    WEIR_CHECK(end != std::string_view::npos);
    const std::string_view out = text.substr(0, end);
    text.remove_prefix(end + 2);
    WEIR_CHECK(out.find_first_of(std::string_view("\r\n\0", 3)) == std::string_view::npos);
    return out;
  };
  std::string body;
  while (true) {
    const std::string_view head = line();
    const std::size_t digits = std::min(head.find_first_not_of("0123456789abcdefABCDEF"), head.size());
    WEIR_CHECK(digits >= 1 && digits <= 16);
    WEIR_CHECK(digits == head.size() || head.find_first_not_of(" \t", digits) == head.find(';', digits));
    const std::size_t size = std::stoull(std::string(head.substr(0, digits)), nullptr, 16);
    if (size == 0) break;
    WEIR_CHECK(text.size() >= size + 2 && text.substr(size, 2) == "\r\n");
    body += text.substr(0, size);
    text.remove_prefix(size + 2);
  }
  while (!line().empty()) continue;
  WEIR_CHECK(text.empty() && body == outcome.body);
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  if (size < 1 || size > 65536) return 0;
  const std::size_t slice = data[0] % 64 + 1u;
  const std::string_view text(reinterpret_cast<const char*>(data + 1), size - 1);
  if (slice < 8 && text.size() > 4096) return 0;
  const Outcome whole = decode(text, text.size() + 1);
  WEIR_CHECK(decode(text, slice) == whole);
  if (text.size() <= 256) WEIR_CHECK(decode(text, 1) == whole);
  WEIR_CHECK(whole.body.size() <= text.size());
  if (whole.state == State::done) check_plainly(text.substr(0, whole.used), whole);
  return 0;
}
