// What is refused before a parser sees the file: too many bytes, invalid UTF-8, control characters, %
// directives.
#pragma once

#include <string_view>

#include "config/diagnostic.h"

namespace weir {

/// False with an error in `diagnostics` if `text` must not be parsed.
bool yaml_guard(std::string_view text, std::size_t bytes_max, Diagnostics& diagnostics);

}  // namespace weir
