// Strings inside JSON: finding their end while validating escapes, control characters and UTF-8; escaping and
// back.
#pragma once

#include "base/json.h"

namespace weir::json_text {

/// Where a string's closing quote stands, or where it went wrong.
struct StringEnd {
  const char* at;
  JsonFault fault;
};

/// Validates from behind the opening quote. Reads nothing at or after `end`.
StringEnd scan_string(const char* begin, const char* end) noexcept;

}  // namespace weir::json_text
