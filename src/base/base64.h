// Base64, standard with padding and URL-safe without. Source: RFC 4648, sections 4 and 5.
#pragma once

#include <optional>
#include <string>
#include <string_view>

namespace weir {

enum class Base64 : std::uint8_t { standard, url };

/// Encodes bytes; the url form has no padding.
std::string base64_encode(std::string_view bytes, Base64 form);
/// Nothing for foreign characters, a wrong length, wrong padding or bits behind the last byte.
std::optional<std::string> base64_decode(std::string_view text, Base64 form);

}  // namespace weir
