// From a file's text to a checked Config: every fault at once, each with its place. The keys come from one
// table (config/keys), which the schema and the reference are made from too.
#pragma once

#include <functional>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "config/config.h"
#include "config/yaml.h"

namespace weir {

/// The value of an environment variable; nothing if it is not set.
using Environment = std::function<std::optional<std::string>(const std::string&)>;

struct LoadOutcome {
  std::optional<Config> config;         // set if and only if there was no error
  std::vector<Diagnostic> diagnostics;  // in the order of the file; warnings too
};

/// `file` is named in diagnostics; a name that ends with .json may hold comments.
LoadOutcome load_config(std::string_view text, const std::string& file, const Environment& environment);
/// Reads and loads a file. A file that cannot be read is one diagnostic.
LoadOutcome load_config_file(const std::string& path, const Environment& environment);
/// The process's own environment.
Environment process_environment();

/// What `weir run` serves without a file: the demo server on the default addresses.
Config default_config();
/// What `weir init` writes.
std::string starter_config();
/// The JSON Schema of the file.
std::string config_schema();
/// The effective configuration as JSON, without secrets.
std::string redacted_json(const Config& config);

/// Splits "HOST:PORT", the host in brackets if it is IPv6. Nothing for anything else.
std::optional<AddressConfig> parse_address(std::string_view text);

}  // namespace weir
