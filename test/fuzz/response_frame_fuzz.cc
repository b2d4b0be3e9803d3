// Large answers, of which only the two ends are looked at: wherever what has come ends, the id is the one
// that the whole answer has, or there is none. The first byte chooses how long the result is made.
#include <cstdint>
#include <string>
#include <string_view>

#include "base/check.h"
#include "fuzz/input.h"
#include "mcp/message.h"
#include "mcp/response_frame.h"
#include "transport/streamable_large.h"

namespace {

using Large = weir::StreamableLarge;

void check_whole(const std::string& text) {
  const auto message =
      weir::Message::index(weir::Bytes::copy_of(text), weir::JsonLimits(), weir::Message::From::upstream);
  if (!message) return;
  const std::string id(message->raw_id());
  const auto whole = weir::frame_at_head(message->text());
  if (whole) {
    WEIR_CHECK(message->kind() == weir::Message::Kind::result);
    WEIR_CHECK(message->text().ends_with(whole->result) && whole->result.starts_with('{'));
    WEIR_CHECK(whole->id.empty() || whole->id.data() == message->raw_id().data());
  }
  for (std::size_t cut = 0; cut <= text.size(); cut += 1 + cut / 16) {
    const std::string begin = text.substr(0, cut);
    const auto head = weir::frame_at_head(begin);
    if (!head) continue;
    // Less of it says the same, if it says anything.
    WEIR_CHECK(whole && head->id == whole->id &&
               head->result.size() + text.size() == whole->result.size() + cut);
    for (const bool may_ask : {false, true}) {
      const Large::Place place = Large::place_of(begin, id, may_ask);
      WEIR_CHECK(place == Large::Place::whole || (place == Large::Place::head) == !head->id.empty());
      WEIR_CHECK(Large::place_of(begin, id + "0", may_ask) != Large::Place::head);
    }
  }
  if (!whole || !whole->id.empty()) return;
  for (std::size_t tail = 0; tail <= std::min(text.size(), weir::kTailMax); ++tail) {
    const std::string end = text.substr(text.size() - tail);
    const std::string_view found = weir::frame_at_tail(end);
    WEIR_CHECK(found.empty() || found == id);
  }
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  if (size > 4096) return 0;
  weir::fuzz::Input input(data, size);
  const std::size_t pad = input.below(4) * 300;
  std::string text(input.rest());
  check_whole(text);
  // The same with a long text at the result's end, as large answers have it.
  if (const std::size_t at = text.rfind("#"); at != std::string::npos && pad != 0) {
    text.replace(at, 1, std::string(pad, 'x'));
    check_whole(text);
  }
  return 0;
}
