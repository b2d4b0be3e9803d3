// Absolute http and https URLs of upstreams, strict. Source: RFC 3986; RFC 9110 section 4.2.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

namespace weir {

struct Url {
  bool tls = false;
  std::string host;  // without brackets
  std::uint16_t port = 0;
  std::string path;               // with the query; at least "/"
  std::string user_info;          // as written; empty: none
  std::string authority() const;  // what the Host header says
};

/// Nothing, with `reason` set, for what is no usable URL. A fragment is dropped.
std::optional<Url> parse_url(std::string_view text, std::string& reason);
/// What `reference` (absolute or relative) means where it was read at `base`. Nothing, with `reason` set, for
/// what is no usable URL. Source: RFC 3986 section 5.2.
std::optional<Url> resolve_url(const Url& base, std::string_view reference, std::string& reason);
/// True if both have scheme, host and port in common. Source: RFC 6454 section 5.
bool same_origin(const Url& a, const Url& b) noexcept;
/// The text with each %XX replaced by its byte; nothing if a % is not followed by two hex digits.
std::optional<std::string> percent_decoded(std::string_view text);
/// For a query's values: all but what RFC 3986, section 2.3, leaves as it is becomes %XX.
std::string percent_encoded(std::string_view text);
/// `user_info` as Basic authentication has it: user and password decoded, the colon always there. Nothing for
/// what cannot be decoded and for a user with a colon, which would split elsewhere. Source: RFC 7617
/// section 2.
std::optional<std::string> basic_credentials(std::string_view user_info);
/// The URL without user info, query and fragment: what logs and endpoints show.
std::string display_url(std::string_view text);

}  // namespace weir
