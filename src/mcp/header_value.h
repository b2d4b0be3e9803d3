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
/// The text that a header stands for; nothing for a sentinel around invalid Base64 or UTF-8.
std::optional<std::string> decode_header_value(std::string_view value);

}  // namespace weir
