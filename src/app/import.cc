// `weir import`: clients' own files, in the shapes mcpServers and servers, as one configuration.
#include <cstdio>
#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <set>
#include <sstream>

#include "app/commands.h"
#include "base/json.h"
#include "config/yaml.h"

namespace weir {
namespace {

namespace fs = std::filesystem;

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

// VS Code's ${input:x} becomes a variable of the environment.
std::string variables(const std::string& text) {
  std::string out;
  for (std::size_t i = 0; i < text.size(); ++i) {
    if (text.compare(i, 8, "${input:") != 0) {
      out += text[i];
      continue;
    }
    const std::size_t close = text.find('}', i);
    if (close == std::string::npos) return out + text.substr(i);
    out += "${";
    for (std::size_t at = i + 8; at < close; ++at) {
      const char c = text[at];
      const bool word = (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9');
      out += word ? static_cast<char>(c >= 'a' && c <= 'z' ? c - 32 : c) : '_';
    }
    out += '}';
    i = close;
  }
  return out;
}

std::string quoted(const std::string& text) {
  std::string out;
  json_append_string(out, variables(text));
  return out;
}

void write_value(std::string& out, const YamlNode& node) {
  if (node.kind == YamlNode::Kind::scalar) {
    out += node.plain && (node.text == "true" || node.text == "false") ? node.text : quoted(node.text);
  } else if (node.kind == YamlNode::Kind::list) {
    out += '[';
    for (const YamlNode& item : node.items) {
      if (out.back() != '[') out += ", ";
      write_value(out, item);
    }
    out += ']';
  } else {
    out += '{';
    for (const auto& [key, value] : node.members) {
      if (out.back() != '{') out += ", ";
      out += quoted(key.text) + ": ";
      write_value(out, value);
    }
    out += '}';
  }
}

void write_server(std::string& out, const std::string& file, std::string name, const YamlNode& node,
                  std::set<std::string>& taken) {
  for (char& c : name) {
    const bool good = c == '-' || c == '_' || c == '.' || (c >= '0' && c <= '9') || (c >= 'a' && c <= 'z') ||
                      (c >= 'A' && c <= 'Z');
    if (!good) c = '-';
  }
  while (name.find("__") != std::string::npos) name.replace(name.find("__"), 2, "_");
  name = name.substr(0, 28);
  std::string unique = name;
  for (int i = 2; !taken.insert(unique).second; ++i) unique = name + "-" + std::to_string(i);
  const YamlNode* type = node.find("type");
  if (type != nullptr && type->text == "sse") {
    std::fprintf(stderr, "%s: %s left out: type sse is not supported yet\n", file.c_str(), name.c_str());
    return;
  }
  out += "  " + unique + ":";
  if (unique != name) out += "  # " + name + " of " + file;
  out += '\n';
  const YamlNode* url = node.find("url") != nullptr ? node.find("url") : node.find("serverUrl");
  if (url != nullptr) out += "    url: " + quoted(url->text) + "\n";
  for (const char* key : {"command", "args", "env", "cwd", "headers", "disabled"}) {
    const YamlNode* value = node.find(key);
    if (value == nullptr || value->is_null()) continue;
    out += std::string("    ") + key + ": ";
    write_value(out, *value);
    out += '\n';
  }
  for (const auto& [key, value] : node.members) {
    bool known = false;
    for (const char* one :
         {"url", "serverUrl", "command", "args", "env", "cwd", "headers", "disabled", "type"})
      known = known || key.text == one;
    if (!known)
      std::fprintf(stderr, "%s: %s: \"%s\" left out\n", file.c_str(), unique.c_str(), key.text.c_str());
  }
}

}  // namespace

int command_import(const Flags& flags) {
  const std::vector<std::string> files = flags.files.empty() ? usual_places() : flags.files;
  if (files.empty()) {
    std::fputs("weir: no client's configuration found: name a file\n", stderr);
    return 2;
  }
  std::string out = "# yaml-language-server: $schema=./weir.schema.json\nservers:\n";
  std::set<std::string> taken;
  int code = 0;
  for (const std::string& file : files) {
    std::ifstream in(file, std::ios::binary);
    std::stringstream text;
    if (in) text << in.rdbuf();
    YamlNode root;
    std::vector<Diagnostic> diagnostics;
    if (!in) {
      std::fprintf(stderr, "weir: %s cannot be read\n", file.c_str());
      code = 2;
      continue;
    }
    if (!parse_yaml(text.str(), file, true, root, diagnostics)) {
      for (const Diagnostic& one : diagnostics) std::fputs(to_string(one).c_str(), stderr);
      code = 2;
      continue;
    }
    bool any = false;
    for (const char* block : {"mcpServers", "servers"}) {
      const YamlNode* servers = root.find(block);
      if (servers == nullptr || servers->kind != YamlNode::Kind::map) continue;
      any = true;
      for (const auto& [name, node] : servers->members)
        if (node.kind == YamlNode::Kind::map) write_server(out, file, name.text, node, taken);
    }
    if (!any) std::fprintf(stderr, "%s: no mcpServers and no servers\n", file.c_str());
  }
  if (taken.empty()) return code == 0 ? 1 : code;
  std::fputs(out.c_str(), stdout);
  return code;
}

}  // namespace weir
