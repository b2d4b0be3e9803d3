// Base64: what is decoded is what a plain reading of RFC 4648 gives, bit by bit, and each content has one
// text.
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

#include "base/base64.h"
#include "base/check.h"

namespace {

std::optional<std::string> plainly(std::string_view text, weir::Base64 form) {
  const bool url = form == weir::Base64::url;
  const std::string letters =
      std::string("ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789") + (url ? "-_" : "+/");
  if (!url) {
    if (text.size() % 4 != 0) return std::nullopt;
    for (int i = 0; i < 2 && text.ends_with('='); ++i) text.remove_suffix(1);
  }
  std::string bits;
  for (const char c : text) {
    const std::size_t value = letters.find(c);
    if (value == std::string::npos) return std::nullopt;
    for (int bit = 5; bit >= 0; --bit) bits += (value >> bit & 1) != 0 ? '1' : '0';
  }
  std::string out;
  std::size_t at = 0;
  for (; at + 8 <= bits.size(); at += 8) out += static_cast<char>(std::stoi(bits.substr(at, 8), nullptr, 2));
  // No letter without a byte of its own, no bit that means nothing.
  if (bits.size() - at >= 6 || bits.find('1', at) != std::string::npos) return std::nullopt;
  return out;
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  if (size > 1024) return 0;
  const std::string_view text(reinterpret_cast<const char*>(data), size);
  for (const weir::Base64 form : {weir::Base64::standard, weir::Base64::url}) {
    const auto decoded = weir::base64_decode(text, form);
    WEIR_CHECK(decoded == plainly(text, form));
    if (decoded) WEIR_CHECK(weir::base64_encode(*decoded, form) == text);
    const std::string encoded = weir::base64_encode(text, form);
    WEIR_CHECK(plainly(encoded, form) == text);
  }
  return 0;
}
