// Names of many servers' tools, prompts and resources as one client sees them. Pure functions: the same
// configuration and the same lists always give the same names.
#pragma once

#include <string>
#include <string_view>

namespace weir {

/// How names are put together.
struct NameRules {
  bool prefixed = false;
  std::string separator = "__";
};

/// Longest name that clients are shown, in bytes: some models take no more.
inline constexpr std::size_t kNameMax = 60;

/// The name that clients see. Over 60 characters: the first 51, `_` and 8 hex digits of SHA-256 over server
/// and name.
std::string exposed_name(const NameRules& rules, std::string_view server, std::string_view name);
/// The part of `name` behind `server` and the separator; empty if it does not begin so.
std::string_view unprefixed(const NameRules& rules, std::string_view server, std::string_view name) noexcept;
/// `weir://NAME/ORIGINAL`: what a resource is called whose URI an earlier server has too.
std::string aliased_uri(std::string_view server, std::string_view uri);
/// Splits such a URI; false for all others.
bool split_aliased_uri(std::string_view text, std::string_view& server, std::string_view& uri) noexcept;

}  // namespace weir
