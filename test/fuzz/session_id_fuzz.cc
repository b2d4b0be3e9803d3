// Fuzzes sealed ids: what was sealed opens to itself and for nobody else; what was not, in whatever way it
// differs, does not open. The first two bytes choose the shard and the edit, the third the lengths.
#include <cstdint>
#include <string>
#include <string_view>

#include "base/base64.h"
#include "base/check.h"
#include "mcp/header_value.h"
#include "mcp/session_id.h"

namespace {

constexpr std::string_view kAlphabet = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_";

const weir::Sealer& sealer() {
  static const weir::Sealer one(std::string(32, '\x5A'), 1);
  return one;
}

// The codings underneath: one text for one content, one content for one text.
void check_codings(std::string_view text) {
  for (const weir::Base64 form : {weir::Base64::standard, weir::Base64::url}) {
    WEIR_CHECK(weir::base64_decode(weir::base64_encode(text, form), form) == text);
    const auto decoded = weir::base64_decode(text, form);
    if (decoded) WEIR_CHECK(weir::base64_encode(*decoded, form) == text);
  }
  const auto header = weir::decode_header_value(text);
  if (header) (void)weir::encode_header_value(*header);
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  if (size < 3) return 0;
  const std::string_view text(reinterpret_cast<const char*>(data + 3), size - 3);
  // Bytes of a stranger: without the key, no 16 bytes of MAC fit.
  WEIR_CHECK(!sealer().open("session", "", text));
  check_codings(text);

  const std::size_t cut = text.empty() ? 0 : data[2] % (text.size() + 1);
  const std::string_view caller = text.substr(0, cut);
  weir::Sealed content;
  content.gateway = data[0] * 0x01020304u;
  content.shard = static_cast<std::uint16_t>(data[0] * 257u);
  content.payload = text.substr(cut).substr(0, weir::Sealer::kPayloadMax);
  const std::string id = sealer().seal("session", caller, content);
  WEIR_CHECK(id.find_first_not_of(kAlphabet) == std::string::npos);
  WEIR_CHECK(sealer().open("session", caller, id) == content);

  // Another purpose, caller, key or key id.
  WEIR_CHECK(!sealer().open("sessio", caller, id));
  WEIR_CHECK(!sealer().open("session", std::string(caller) + "x", id));
  WEIR_CHECK(!sealer().open("session" + std::string(caller), "x", id));
  if (!caller.empty()) {
    WEIR_CHECK(!sealer().open("session", caller.substr(1), id));
    WEIR_CHECK(!sealer().open("session" + std::string(caller.substr(0, 1)), caller.substr(1), id));
  }
  static const weir::Sealer other_key(std::string(32, '\x5B'), 1);
  static const weir::Sealer other_id(std::string(32, '\x5A'), 2);
  WEIR_CHECK(!other_key.open("session", caller, id));
  WEIR_CHECK(!other_id.open("session", caller, id));

  // Every edit of the text: one letter changed, one lost, one more, the text of the input in between.
  const std::size_t at = (data[1] | static_cast<std::size_t>(data[2]) << 8) % id.size();
  std::string changed = id;
  changed[at] = kAlphabet[(kAlphabet.find(id[at]) + 1 + data[0] % 63u) % 64];
  WEIR_CHECK(!sealer().open("session", caller, changed));
  WEIR_CHECK(!sealer().open("session", caller, std::string(id).erase(at, 1)));
  WEIR_CHECK(!sealer().open("session", caller, std::string(id).insert(at, 1, kAlphabet[data[0] % 64u])));
  if (!text.empty()) {
    WEIR_CHECK(!sealer().open("session", caller, id + std::string(text)));
    WEIR_CHECK(!sealer().open("session", caller, std::string(text) + id));
  }
  return 0;
}
