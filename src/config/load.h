// From the text of a configuration file to Config, or to everything that is wrong with it.
#pragma once

#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "config/config.h"
#include "config/diagnostic.h"
#include "config/variables.h"

namespace weir {

/// `config` is set exactly if there is no error among the diagnostics, which are in the order of their
/// places.
struct LoadOutcome {
  std::optional<Config> config;
  std::vector<Diagnostic> diagnostics;
};

/// Reads the YAML or JSON `text`. `file_name` is for messages; if it ends in .json or .jsonc, // and /* */
/// are comments.
LoadOutcome load_config(std::string_view text, std::string file_name, const Environment& environment);
/// Reads a file; that it cannot be read is a diagnostic too.
LoadOutcome load_config_file(const std::string& path, const Environment& environment);
/// What runs without a file: the demo server on the default addresses.
Config default_config();

}  // namespace weir
