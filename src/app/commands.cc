#include "app/commands.h"

#include <csignal>
#include <cstdio>
#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <sstream>

#include "app/overrides.h"
#include "app/process.h"
#include "config/import.h"
#include "config/schema.h"
#include "gateway/last_good_files.h"
#include "runtime/signals.h"

namespace weir {

namespace fs = std::filesystem;

std::string find_file(const std::string& given) {
  if (!given.empty()) return given;
  if (fs::exists("weir.yaml")) return "weir.yaml";
  const char* home = std::getenv("HOME");
  const char* base = std::getenv("XDG_CONFIG_HOME");
  fs::path path =
      base != nullptr && *base != '\0' ? fs::path(base) : fs::path(home == nullptr ? "/" : home) / ".config";
  path /= "weir/weir.yaml";
  return fs::exists(path) ? path.string() : std::string();
}

namespace {

// A folder that is of no use is the configuration's fault, not one to be found out when a server is down.
LoadOutcome load_to_serve(const std::string& file, const Flags& flags) {
  LoadOutcome outcome = load_with_flags(file, flags);
  if (!outcome.config || outcome.config->state_dir.empty()) return outcome;
  const std::string& folder = outcome.config->state_dir;
  const std::string fault = state_dir_fault(folder);
  if (fault.empty()) return outcome;
  outcome.diagnostics.push_back(unplaced(Diagnostic::error, file, "\"state_dir\": " + folder + ' ' + fault));
  outcome.config.reset();
  return outcome;
}

int serve(const Flags& flags, const std::optional<StandardStreams>& stdio) {
  block_signals({SIGTERM, SIGINT, SIGHUP});  // before any thread starts
  RunOptions options;
  options.stdio = stdio;
  options.file = find_file(flags.file);
  LoadOutcome outcome = load_to_serve(options.file, flags);
  print(outcome.diagnostics);
  if (!outcome.config) return 2;
  options.config = std::move(*outcome.config);
  if (!options.file.empty())
    options.load_again = [file = options.file, flags] { return load_to_serve(file, flags); };
  return Process(std::move(options)).run();
}

}  // namespace

int command_run(const Flags& flags) { return serve(flags, std::nullopt); }

int command_stdio(const Flags& flags) { return serve(flags, take_standard_streams()); }

namespace {

// Where clients keep their files.
std::vector<std::string> usual_places() {
  const char* home = std::getenv("HOME");
  const std::string base = home == nullptr ? "" : home;
  std::vector<std::string> found;
  for (const std::string& path :
       {std::string(".mcp.json"), std::string(".vscode/mcp.json"), std::string(".cursor/mcp.json"),
        base + "/.cursor/mcp.json", base + "/.claude.json",
        base + "/.config/Claude/claude_desktop_config.json", base + "/.config/Code/User/mcp.json"})
    if (fs::exists(path)) found.push_back(path);
  return found;
}

}  // namespace

int command_import(const Flags& flags) {
  const std::vector<std::string> paths = flags.files.empty() ? usual_places() : flags.files;
  if (paths.empty()) {
    std::fputs("weir: no client's configuration found: name a file\n", stderr);
    return 2;
  }
  std::vector<ImportFile> files;
  for (const std::string& path : paths) {
    std::ifstream in(path, std::ios::binary);
    std::stringstream text;
    if (in) text << in.rdbuf();
    if (!in) {
      std::fprintf(stderr, "weir: %s cannot be read\n", path.c_str());
      return 2;
    }
    files.push_back({path, text.str()});
  }
  const ImportOutcome outcome = import_configs(files);
  for (const std::string& note : outcome.notes) std::fprintf(stderr, "%s\n", note.c_str());
  if (outcome.servers == 0) {
    std::fputs("weir: no server found\n", stderr);
    return 1;
  }
  std::fputs(outcome.yaml.c_str(), stdout);
  return 0;
}

int command_init(const Flags& flags) {
  const std::string file = flags.file.empty() ? "weir.yaml" : flags.file;
  if (fs::exists(file)) {
    std::fprintf(stderr, "weir: %s is there already\n", file.c_str());
    return 1;
  }
  const fs::path schema = fs::path(file).parent_path() / "weir.schema.json";
  std::ofstream(file) << starter_config();
  std::ofstream(schema) << config_json_schema();
  if (!fs::exists(file)) {
    std::fprintf(stderr, "weir: %s cannot be written\n", file.c_str());
    return 1;
  }
  std::printf("wrote %s and %s; next: weir run %s\n", file.c_str(), schema.c_str(), file.c_str());
  return 0;
}

int command_schema() {
  std::fputs(config_json_schema().c_str(), stdout);
  return 0;
}

}  // namespace weir
