// A chunked body gives the same bytes however it is sliced.
#include <cstdint>
#include <string>
#include <string_view>

#include "base/check.h"
#include "http/chunked.h"

namespace {

struct Outcome {
  std::string data;
  weir::ChunkedDecoder::State state = weir::ChunkedDecoder::State::more;
};

Outcome decode(std::string_view text, std::size_t slice) {
  Outcome outcome;
  weir::ChunkedDecoder decoder;
  std::string held;
  for (std::size_t at = 0; at < text.size(); at += slice) {
    held += text.substr(at, slice);
    while (true) {
      outcome.state = decoder.next(held);
      outcome.data += decoder.data();
      WEIR_CHECK(decoder.consumed() <= held.size());
      if (outcome.state == weir::ChunkedDecoder::State::refused) return outcome;
      held.erase(0, decoder.consumed());
      if (outcome.state == weir::ChunkedDecoder::State::done) return outcome;
      if (outcome.state == weir::ChunkedDecoder::State::more) break;
    }
  }
  return outcome;
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  if (size < 2) return 0;
  const std::string_view text(reinterpret_cast<const char*>(data + 1), size - 1);
  const Outcome whole = decode(text, text.size());
  const Outcome sliced = decode(text, data[0] % 7 + 1);
  if (whole.state == weir::ChunkedDecoder::State::done) {
    WEIR_CHECK(sliced.state == whole.state);
    WEIR_CHECK(sliced.data == whole.data);
  }
  return 0;
}
