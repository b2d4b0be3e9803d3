// Percent coding, of the admin's queries and of user names in URLs: decoded as RFC 3986 has it, byte by byte;
// and what is shown of a URL has no secret in it.
#include <cstdint>
#include <cstdio>
#include <optional>
#include <string>
#include <string_view>

#include "admin/query.h"
#include "base/base64.h"
#include "base/check.h"
#include "base/url.h"
#include "config/redact.h"
#include "fuzz/plain_json.h"

namespace {

std::optional<std::string> plainly(std::string_view text) {
  std::string out;
  for (std::size_t i = 0; i < text.size(); ++i) {
    if (text[i] != '%') {
      out += text[i];
      continue;
    }
    constexpr std::string_view digits = "0123456789abcdef0123456789ABCDEF";
    if (i + 2 >= text.size()) return std::nullopt;
    const std::size_t high = digits.find(text[i + 1]);
    const std::size_t low = digits.find(text[i + 2]);
    if (high == std::string_view::npos || low == std::string_view::npos) return std::nullopt;
    out += static_cast<char>(high % 16 * 16 + low % 16);
    i += 2;
  }
  return out;
}

std::string coded(std::string_view text) {
  std::string out;
  for (const char c : text) {
    char three[4];
    std::snprintf(three, sizeof three, "%%%02X", static_cast<unsigned>(static_cast<unsigned char>(c)));
    out += three;
  }
  return out;
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  if (size > 1024) return 0;
  const std::string_view text(reinterpret_cast<const char*>(data), size);
  WEIR_CHECK(weir::percent_decoded(text) == plainly(text));
  WEIR_CHECK(weir::percent_decoded(coded(text)) == text);

  // Behind a name, as the one member of a query or before others.
  const std::string_view value = text.substr(0, text.find('&'));
  for (const std::string& query : {"?n=" + std::string(text), "?m=x&n=" + std::string(text) + "&n=y"}) {
    const auto said = weir::query_of("/path" + query, "n");
    const auto meant = plainly(value);
    WEIR_CHECK(meant && weir::fuzz::plain_utf8(*meant) ? said == meant : !said);
  }

  if (const auto basic = weir::basic_credentials(text)) {
    const std::size_t colon = text.find(':');
    const auto user = plainly(text.substr(0, colon));
    const auto password = plainly(colon == std::string_view::npos ? "" : text.substr(colon + 1));
    WEIR_CHECK(user && password && user->find(':') == std::string::npos);
    const std::string pair = *user + ":" + *password;
    WEIR_CHECK(*basic == pair || *basic == weir::base64_encode(pair, weir::Base64::standard) ||
               *basic == "Basic " + weir::base64_encode(pair, weir::Base64::standard));
  }
  std::string reason;
  if (!weir::parse_url(text, reason)) return 0;
  for (const std::string& shown : {weir::display_url(text), weir::redact_url(text)}) {
    WEIR_CHECK(shown.find_first_of("?#") == std::string::npos);
    const auto url = weir::parse_url(shown, reason);
    WEIR_CHECK(url && url->user_info.empty());
  }
  return 0;
}
