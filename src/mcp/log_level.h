// The levels of log messages, the least severe first. Source: RFC 5424 as MCP server/utilities/logging has
// it.
#pragma once

#include <string_view>

namespace weir {

/// 0 for "debug" to 7 for "emergency"; -1 for what is no level.
int log_rank(std::string_view level) noexcept;
inline bool is_log_level(std::string_view level) noexcept { return log_rank(level) >= 0; }
/// True if a message of `level` is wanted by somebody who asked for `least`.
inline bool log_level_reaches(std::string_view level, std::string_view least) noexcept {
  return is_log_level(least) && log_rank(level) >= log_rank(least);
}

}  // namespace weir
