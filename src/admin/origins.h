// The values that hold for calls of a tool, each with where it comes from: the tool's entry, its server's
// block, the top level of the file, or the default. Made from the table of keys: what a file may say is what
// is shown.
#pragma once

#include <string>

#include "config/config.h"

namespace weir {

/// Appends {"BLOCK":{"KEY":{"value":...,"from":"default | top level | server | tool"},...},...} with every
/// block that stands both at the top level and in a server's block; then `fallback`, the tool's or the
/// server's, and `tool`, the rest of the tool's entry, where there are such. A block that is switched off has
/// a `value` of false itself. A server's value that is the top level's too counts as the top level's.
void append_settings(std::string& out, const Config& config, const ServerConfig& server,
                     const std::string& tool);

}  // namespace weir
