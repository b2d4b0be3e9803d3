// An event stream gives the same events however it is sliced.
#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "base/check.h"
#include "http/sse.h"

namespace {

std::vector<std::string> decode(std::string_view text, std::size_t slice) {
  std::vector<std::string> events;
  weir::SseDecoder decoder(4096);
  for (std::size_t at = 0; at < text.size(); at += slice) {
    std::string_view part = text.substr(at, slice);
    while (true) {
      const weir::SseDecoder::State state = decoder.next(part);
      if (state == weir::SseDecoder::State::refused) {
        events.push_back("refused");
        return events;
      }
      if (state == weir::SseDecoder::State::more) break;
      WEIR_CHECK(decoder.event().data.size() <= 4096);
      events.push_back(decoder.event().type + ":" + decoder.event().data);
    }
    WEIR_CHECK(part.empty());
  }
  return events;
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  if (size < 2) return 0;
  const std::string_view text(reinterpret_cast<const char*>(data + 1), size - 1);
  WEIR_CHECK(decode(text, text.size()) == decode(text, data[0] % 5 + 1));
  return 0;
}
