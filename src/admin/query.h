// What a request for the admin says behind its path. Pure. Source: RFC 3986, section 3.4.
#pragma once

#include <optional>
#include <string>
#include <string_view>

namespace weir {

/// The value of the first member `name` of the query of `target`, decoded. Nothing: it has none, or one that
/// is no text (a % without two digits, bytes that are no UTF-8).
std::optional<std::string> query_of(std::string_view target, std::string_view name);

/// Whether the query has a member of this name, whatever its value.
bool names_member(std::string_view target, std::string_view name);

}  // namespace weir
