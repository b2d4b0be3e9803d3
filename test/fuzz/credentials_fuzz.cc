// Who may come in by a token: whatever the field Authorization says, only the tokens that are listed are
// good, whole and to the letter, in the forms of RFC 6750 and RFC 7617. The first byte chooses what is
// listed.
#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "base/base64.h"
#include "base/check.h"
#include "fuzz/input.h"
#include "gateway/credentials.h"

namespace {

const std::vector<std::string>& tokens() {
  static const std::vector<std::string> all = {"secret-token", "t", "a:b", "second/token+1=="};
  return all;
}

bool is_token(std::string_view text) {
  for (const std::string& one : tokens())
    if (text == one) return true;
  return false;
}

// What stands behind the scheme and the blanks that follow it; empty for another scheme.
std::string behind(std::string_view value, std::string_view scheme) {
  if (value.size() <= scheme.size() || value[scheme.size()] != ' ') return {};
  for (std::size_t i = 0; i < scheme.size(); ++i)
    if ((value[i] | 0x20) != (scheme[i] | 0x20)) return {};
  value.remove_prefix(scheme.size());
  while (value.starts_with(' ')) value.remove_prefix(1);
  return std::string(value);
}

bool good(std::string_view value, bool basic) {
  if (const std::string token = behind(value, "Bearer"); !token.empty()) return is_token(token);
  if (!basic) return false;
  const auto pair = weir::base64_decode(behind(value, "Basic"), weir::Base64::standard);
  const std::size_t colon = pair ? pair->find(':') : std::string::npos;
  return colon != std::string::npos && is_token(pair->substr(colon + 1));
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  if (size > 1024) return 0;
  weir::fuzz::Input input(data, size);
  const std::size_t way = input.below(4);
  const bool basic = (way & 1) != 0;
  const std::string_view text = input.rest();
  std::vector<std::string> values = {
      std::string(text),
      "Bearer " + std::string(text),
      "bEARER   " + std::string(text),
      "Basic " + std::string(text),
      "Basic " + weir::base64_encode(text, weir::Base64::standard),
      "Basic " + weir::base64_encode("u:" + std::string(text), weir::Base64::standard)};
  const weir::Credentials::Basic form = basic ? weir::Credentials::Basic::yes : weir::Credentials::Basic::no;
  const weir::Credentials open({}, form);
  const weir::Credentials some(tokens(), form);
  WEIR_CHECK(open.empty() && !some.empty());
  for (const std::string& value : values) {
    WEIR_CHECK(open.admit(value));
    WEIR_CHECK(some.admit(value) == good(value, basic));
    // What a refusal says is one line, and holds nothing of what was sent.
    const std::string line = some.challenge(value);
    WEIR_CHECK(line.find("\r\n") == line.size() - 2 && line.starts_with("WWW-Authenticate: Bearer"));
    WEIR_CHECK(line == some.challenge("Bearer x") || value.empty());
    const std::string_view bearer = weir::bearer_of(value);
    WEIR_CHECK(bearer == behind(value, "Bearer"));
  }
  for (const std::string& token : tokens()) {
    WEIR_CHECK(some.admit("Bearer " + token));
    if (!text.empty())
      WEIR_CHECK(is_token(token + std::string(text)) == some.admit("Bearer " + token + std::string(text)));
  }
  return 0;
}
