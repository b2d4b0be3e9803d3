// Nothing opens that was not sealed here, and what was sealed opens as it was.
#include <cstdint>
#include <string>
#include <string_view>

#include "base/base64.h"
#include "base/check.h"
#include "mcp/header_value.h"
#include "mcp/session_id.h"

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  static const weir::Sealer sealer(std::string(32, 'k'), 1);
  const std::string text(reinterpret_cast<const char*>(data), size);
  WEIR_CHECK(!sealer.open("session", "caller", text));
  weir::Sealed content;
  content.payload = text.substr(0, weir::Sealer::kPayloadMax);
  content.shard = static_cast<std::uint16_t>(size);
  const std::string sealed = sealer.seal("session", "caller", content);
  WEIR_CHECK(sealer.open("session", "caller", sealed) == content);
  WEIR_CHECK(!sealer.open("cursor", "caller", sealed));
  for (const weir::Base64 form : {weir::Base64::standard, weir::Base64::url}) {
    WEIR_CHECK(weir::base64_decode(weir::base64_encode(text, form), form) == text);
    const auto decoded = weir::base64_decode(text, form);
    if (decoded) WEIR_CHECK(weir::base64_encode(*decoded, form) == text);
  }
  const auto header = weir::decode_header_value(text);
  if (header) (void)weir::encode_header_value(*header);
  return 0;
}
