// Heads whole and byte by byte come to the same end; what is accepted obeys its limits.
#include <cstdint>
#include <string_view>

#include "base/check.h"
#include "http/head.h"

namespace {

template <class HeadType, class Parse>
void check(std::string_view text, Parse parse) {
  const weir::HeadLimits limits;
  HeadType whole;
  weir::HeadRefusal refusal;
  const weir::HeadState state = parse(text, limits, whole, refusal);
  if (state == weir::HeadState::refused) WEIR_CHECK(refusal.status >= 400 || refusal.status == 0);
  if (state != weir::HeadState::done) return;
  WEIR_CHECK(whole.size() <= text.size() && whole.size() <= limits.head_max + 2);
  // Not a byte less makes a head.
  HeadType shorter;
  const weir::HeadState before = parse(text.substr(0, whole.size() - 1), limits, shorter, refusal);
  WEIR_CHECK(before == weir::HeadState::more);
  // What follows changes nothing.
  HeadType exact;
  WEIR_CHECK(parse(text.substr(0, whole.size()), limits, exact, refusal) == weir::HeadState::done);
  WEIR_CHECK(exact.size() == whole.size() && exact.keep_alive() == whole.keep_alive());
  WEIR_CHECK(exact.content_length() == whole.content_length() && exact.chunked() == whole.chunked());
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  const std::string_view text(reinterpret_cast<const char*>(data), size);
  check<weir::RequestHead>(text, weir::parse_request);
  check<weir::ResponseHead>(text, weir::parse_response);
  return 0;
}
