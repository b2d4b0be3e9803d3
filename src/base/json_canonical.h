// One form for all JSON texts that say the same, so that their hashes are equal: no white space, members in
// the order of their names by code point, strings with the fewest escapes, numbers as they are written.
// Source: RFC 8785, but for numbers and for the order of names beyond U+FFFF.
#pragma once

#include <cstddef>
#include <cstdint>
#include <string>
#include <string_view>

#include "base/json.h"

namespace weir {

/// Appends the canonical form of `raw`, one JSON value. Anything but `none`: it has none, and `out` is as it
/// was; a member's name that comes twice in one object is `duplicate`, more than `bytes_max` of it `members`.
JsonFault json_canonical(std::string& out, std::string_view raw, std::size_t bytes_max);

/// Whether nobody sees this code point: marks of direction, zero widths, tags, variation selectors.
bool is_invisible(std::uint32_t point) noexcept;

/// Appends `text` with what nobody sees written as \uXXXX: control characters, marks of direction, zero
/// widths, tags, variation selectors. Valid UTF-8, or JSON: it stays the same JSON.
void append_visible(std::string& out, std::string_view text);

}  // namespace weir
