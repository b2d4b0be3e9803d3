// Descriptions of the configuration file made from the table of keys: for editors and for people.
#pragma once

#include <string>

namespace weir {

/// The JSON Schema (draft 7, which editors know best) of a configuration file.
std::string config_json_schema();
/// All keys as Markdown: a table a block.
std::string config_reference();

}  // namespace weir
