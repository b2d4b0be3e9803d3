// The file of a server's pins as text, and back: JSON that people review and keep under version control. One
// line for each member of a definition; what nobody sees is escaped. Pure.
#pragma once

#include <string>
#include <string_view>

#include "gateway/tool_pin.h"

namespace weir {

/// Longest text that is read or written.
inline constexpr std::size_t kPinTextMax = 16 * 1024 * 1024;

/// The whole text.
std::string write_pins(std::string_view server, const PinnedTools& tools);
/// Reads it back. False, and `fault` says why as the end of a sentence: it is no JSON, another server's, of a
/// newer Weir, or a hash is not that of its definition.
bool read_pins(std::string_view text, std::string_view server, PinnedTools& tools, std::string& fault);

}  // namespace weir
