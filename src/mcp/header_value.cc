#include "mcp/header_value.h"

#include "base/base64.h"
#include "base/json.h"

namespace weir {
namespace {

constexpr std::string_view kPrefix = "=?base64?";
constexpr std::string_view kSuffix = "?=";

bool is_sentinel(std::string_view value) {
  return value.size() >= kPrefix.size() + kSuffix.size() && value.starts_with(kPrefix) &&
         value.ends_with(kSuffix);
}

}  // namespace

bool header_value_plain(std::string_view text) noexcept {
  for (const char c : text)
    if (c < ' ' || c > '~') return false;
  const bool padded = !text.empty() && (text.front() == ' ' || text.back() == ' ');
  return !padded && !is_sentinel(text);
}

std::string encode_header_value(std::string_view text) {
  if (header_value_plain(text)) return std::string(text);
  std::string out(kPrefix);
  out += base64_encode(text, Base64::standard);
  out += kSuffix;
  return out;
}

std::optional<std::string> decode_header_value(std::string_view value) {
  if (!is_sentinel(value)) return std::string(value);
  value.remove_prefix(kPrefix.size());
  value.remove_suffix(kSuffix.size());
  std::optional<std::string> text = base64_decode(value, Base64::standard);
  if (text && !utf8_valid(*text)) return std::nullopt;
  return text;
}

}  // namespace weir
