// What a client takes, by its field Accept. Source: RFC 9110, sections 12.4.2 and 12.5.1.
#pragma once

#include <string_view>

namespace weir {

/// Whether an answer of this media type (lower case, "application/json") is taken: the most specific range
/// that fits decides by its weight. An empty value takes all; what is no media range counts for nothing.
bool accepts(std::string_view accept, std::string_view type) noexcept;
/// A media type without its parameters and the white space around it.
std::string_view bare_type(std::string_view value) noexcept;

}  // namespace weir
