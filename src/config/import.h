// From the configuration files of clients (Claude, Cursor, VS Code, ...) to one weir.yaml. Variables stay
// references; what cannot be carried over is said in the notes, and as comments in the file.
#pragma once

#include <cstddef>
#include <span>
#include <string>
#include <vector>

namespace weir {

/// One client's file.
struct ImportFile {
  std::string path;  // for the notes
  std::string text;
};

/// What came of reading another program's file.
struct ImportOutcome {
  std::string yaml;                // a whole weir.yaml
  std::vector<std::string> notes;  // what was skipped, renamed or needs a hand; without secrets
  std::size_t servers = 0;         // how many are in `yaml`
};

/// Merges files whose servers are under mcpServers, servers, or mcp.servers, in their order. Equal servers
/// are merged, others of the same name become name-2 and so on.
ImportOutcome import_configs(std::span<const ImportFile> files);
/// A commented file to begin with, for `weir init`; the schema lies beside it as ./weir.schema.json.
std::string starter_config();

}  // namespace weir
