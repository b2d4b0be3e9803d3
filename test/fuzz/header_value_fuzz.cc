// Names in headers, plain or as `=?base64?...?=`: a header stands for one text and a text has one header,
// which no byte of it can break out of.
#include <cstdint>
#include <string>
#include <string_view>

#include "base/check.h"
#include "fuzz/plain_json.h"
#include "mcp/header_value.h"

namespace {

// The form as the specification has it, looked at letter by letter.
bool wrapped(std::string_view text) {
  return text.size() >= 11 && text.substr(0, 9) == "=?base64?" && text.substr(text.size() - 2) == "?=";
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  if (size > 2048) return 0;
  const std::string_view text(reinterpret_cast<const char*>(data), size);
  const std::string header = weir::encode_header_value(text);
  for (const char c : header) WEIR_CHECK(c >= ' ' && c <= '~');
  WEIR_CHECK(header.empty() || (header.front() != ' ' && header.back() != ' '));
  WEIR_CHECK(weir::header_value_plain(text) == (header == text));
  WEIR_CHECK(header == text || wrapped(header));
  const auto back = weir::decode_header_value(header);
  WEIR_CHECK(weir::fuzz::plain_utf8(text) ? back == text : !back);

  // The same bytes as a header that a client has sent.
  const auto meant = weir::decode_header_value(text);
  if (!wrapped(text)) WEIR_CHECK(meant == text);
  if (meant && wrapped(text)) {
    WEIR_CHECK(weir::fuzz::plain_utf8(*meant));
    // What need not be wrapped may be; what has to be is so in one way.
    const std::string again = weir::encode_header_value(*meant);
    WEIR_CHECK(again == text || weir::header_value_plain(*meant));
  }
  return 0;
}
