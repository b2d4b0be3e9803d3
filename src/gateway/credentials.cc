#include "gateway/credentials.h"

#include "base/base64.h"
#include "http/head.h"

namespace weir {
namespace {

// What follows the scheme; empty where it is another one.
std::string_view behind_scheme(std::string_view authorization, std::string_view scheme) noexcept {
  if (authorization.size() <= scheme.size() || authorization[scheme.size()] != ' ' ||
      !equals_ignoring_case(authorization.substr(0, scheme.size()), scheme))
    return {};
  const std::size_t begin = authorization.find_first_not_of(' ', scheme.size());
  return begin == std::string_view::npos ? std::string_view() : authorization.substr(begin);
}

std::string password_of(std::string_view authorization) {
  const std::optional<std::string> pair =
      base64_decode(behind_scheme(authorization, "Basic"), Base64::standard);
  const std::size_t colon = pair ? pair->find(':') : std::string::npos;
  return colon == std::string::npos ? std::string() : pair->substr(colon + 1);
}

std::string_view view_of(const Digest& digest) noexcept {
  return {reinterpret_cast<const char*>(digest.data()), digest.size()};
}

}  // namespace

std::string_view bearer_of(std::string_view authorization) noexcept {
  return behind_scheme(authorization, "Bearer");
}

Credentials::Credentials(const std::vector<std::string>& tokens, Basic basic) : basic_(basic) {
  for (const std::string& token : tokens) digests_.push_back(sha256(token));
}

bool Credentials::admit(std::string_view authorization) const {
  if (digests_.empty()) return true;
  std::string password;
  std::string_view token = bearer_of(authorization);
  if (token.empty() && basic_ == Basic::yes) token = password = password_of(authorization);
  if (token.empty()) return false;
  const Digest digest = sha256(token);
  bool good = false;
  // All of them, whichever it is.
  for (const Digest& one : digests_) good |= equal_in_constant_time(view_of(one), view_of(digest));
  return good;
}

std::string Credentials::challenge(std::string_view authorization) const {
  std::string out = "WWW-Authenticate: Bearer";
  if (!authorization.empty()) out += " error=\"invalid_token\"";
  if (basic_ == Basic::yes) out += ", Basic realm=\"weir\", charset=\"UTF-8\"";
  return out + "\r\n";
}

}  // namespace weir
