// Names in HTTP headers: plain ASCII as it is, all else in the Base64 sentinel form `=?base64?...?=`.
// Source: MCP 2026-07-28 basic/transports/streamable-http, "Value Encoding".
#pragma once

#include <optional>
#include <string>
#include <string_view>

namespace weir {

/// True if the text is its own encoding.
bool header_value_plain(std::string_view text) noexcept;
/// The header's form of `text`.
std::string encode_header_value(std::string_view text);
/// True if a raw JSON string has an escaped half of a pair (RFC 8259, section 8.2): no text that a header
/// could mirror, and one that two readers take for different ones.
bool has_lone_surrogate(std::string_view raw) noexcept;
/// The text that a header stands for; nothing for a sentinel around invalid Base64 or UTF-8.
std::optional<std::string> decode_header_value(std::string_view value);

}  // namespace weir
