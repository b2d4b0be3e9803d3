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

// The code unit of a "\uXXXX" at `at`; -1: there is none.
int unit_at(std::string_view raw, std::size_t at) noexcept {
  if (raw.size() < at + 6 || raw[at] != '\\' || raw[at + 1] != 'u') return -1;
  int unit = 0;
  for (const char c : raw.substr(at + 2, 4)) {
    const int digit = c <= '9' ? c - '0' : (c | 0x20) - 'a' + 10;
    unit = unit * 16 + digit;
  }
  return unit;
}

}  // namespace

bool has_lone_surrogate(std::string_view raw) noexcept {
  for (std::size_t at = raw.find('\\'); at != std::string_view::npos; at = raw.find('\\', at)) {
    const int unit = unit_at(raw, at);
    at += unit < 0 ? 2 : 6;
    if (unit < 0xD800 || unit > 0xDFFF) continue;
    const int low = unit <= 0xDBFF ? unit_at(raw, at) : -1;
    if (low < 0xDC00 || low > 0xDFFF) return true;
    at += 6;
  }
  return false;
}

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
