#include "config/import.h"

#include <algorithm>

#include "config/describe.h"
#include "config/diagnostic.h"
#include "config/json_comments.h"
#include "config/text_rules.h"
#include "config/yaml.h"
#include "config/yaml_text.h"

namespace weir {
namespace {

constexpr std::string_view kSeparator = "__";  // the default, which the written file has

std::string quoted(std::string_view name) { return '"' + std::string(name) + '"'; }

const YamlNode* servers_of(const YamlNode& root) {
  for (const std::string_view key : {"mcpServers", "servers"})
    if (const YamlNode* found = root.find(key)) return found;
  const YamlNode* mcp = root.find("mcp");
  return mcp == nullptr ? nullptr : mcp->find("servers");
}

// A name that Weir takes, as near to the client's as can be.
std::string fitting_name(std::string_view name) {
  std::string out;
  for (const char c : name) {
    const bool fits =
        (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') || c == '-' || c == '_';
    const char next = fits ? c : '-';
    const bool again = !out.empty() && out.back() == next && (next == '-' || next == '_');
    if (!again) out += next;
  }
  out.resize(std::min<std::size_t>(out.size(), 28));  // room for -2 and its like
  while (!out.empty() && (out.back() == '-' || out.back() == '_')) out.pop_back();
  const bool good = server_name_fault(out, kSeparator).empty();
  return good ? out : "server";
}

class Importer {
 public:
  void file(const ImportFile& file) {
    path_ = file.path;
    std::string_view text = file.text;
    if (text.starts_with("\xEF\xBB\xBF")) text.remove_prefix(3);
    Diagnostics diagnostics(text, file.path);
    const YamlLimits limits;
    const auto root = parse_yaml(
        text.size() <= limits.bytes_max ? blank_json_comments(text) : std::string(text), limits, diagnostics);
    for (const Diagnostic& each : diagnostics.take())
      note(file.path + ':' + std::to_string(each.line) + ": " + each.message);
    if (!root) return note(file.path + ": skipped, it cannot be read");
    const YamlNode* servers = servers_of(*root);
    if (servers == nullptr || !servers->is_map()) return note(file.path + ": no servers in it");
    for (const YamlNode& server : servers->items) add(server);
  }

  ImportOutcome finish() {
    std::string yaml =
        "# yaml-language-server: $schema=./weir.schema.json\n# Made by weir import; `weir check` looks it "
        "over.\n";
    for (const std::string& comment : comments_) yaml += yaml_comment(comment) + '\n';
    yaml += entries_.empty() ? "servers: {}\n" : "servers:\n";
    for (const auto& [name, body] : entries_) yaml += "  " + yaml_text(name) + ":\n" + body;
    return {std::move(yaml), std::move(notes_), entries_.size()};
  }

 private:
  void note(std::string text) { notes_.push_back(std::move(text)); }
  void remark(const std::string& text) {
    note(text);
    comments_.push_back(text);
  }
  std::string place(const YamlNode& server) const {
    return path_ + ':' + std::to_string(server.key_at.line) + ": " + quoted(server.key);
  }

  void add(const YamlNode& server) {
    const auto body = convert(server);
    if (!body) return;
    const std::string wanted = fitting_name(server.key);
    std::string name = wanted;
    for (int i = 2;; ++i) {
      const auto same = std::find_if(entries_.begin(), entries_.end(),
                                     [&](const auto& entry) { return entry.first == name; });
      if (same == entries_.end()) break;
      if (same->second == *body) return note(place(server) + " is there already");
      name = wanted + '-' + std::to_string(i);
    }
    if (name != server.key) note(place(server) + " is called " + quoted(name));
    entries_.emplace_back(name, *body);
  }

  // Why a server cannot be taken over; empty if it can.
  static std::string obstacle(const YamlNode& server, const YamlNode* url, const YamlNode* command) {
    if (!server.is_map()) return "it is no block of keys";
    if (url != nullptr && command != nullptr) return "it has a url and a command";
    const YamlNode* reach = url != nullptr ? url : command;
    if (reach == nullptr || !reach->is_scalar() || reach->text.empty())
      return "it has neither a url nor a command";
    const bool variable = reach->text.find("${") != std::string::npos;
    if (url != nullptr && !variable && !url_fault(url->text).empty())
      return "its url " + url_fault(url->text);
    return {};
  }

  // Clients have three names for it.
  static bool is_sse(const YamlNode& item) {
    const bool key = item.key == "type" || item.key == "transport" || item.key == "transportType";
    return key && item.is_scalar() && lower_case(item.text) == "sse";
  }
  static bool says_sse(const YamlNode& server) {
    return std::any_of(server.items.begin(), server.items.end(), is_sse);
  }

  std::optional<std::string> convert(const YamlNode& server) {
    const YamlNode* url = server.find("url");
    for (const std::string_view other : {"serverUrl", "httpUrl"})  // of Windsurf and Gemini
      if (url == nullptr) url = server.find(other);
    const YamlNode* command = server.find("command");
    const std::string why = obstacle(server, url, command);
    if (!why.empty()) {
      remark(place(server) + " was skipped: " + why);
      return std::nullopt;
    }
    std::string body =
        url != nullptr ? "    url: " + value(*url) + '\n' : "    command: " + value(*command) + '\n';
    if (url != nullptr && says_sse(server)) body += "    type: sse\n";
    // In an order of our own, so that equal servers look equal.
    static constexpr std::string_view kOrder[] = {"args", "env", "headers", "cwd", "disabled"};
    for (const std::string_view key : kOrder)
      if (const YamlNode* item = server.find(key)) body += member(server, *item, url != nullptr);
    for (const YamlNode& item : server.items) {
      const bool done = std::find(std::begin(kOrder), std::end(kOrder), item.key) != std::end(kOrder);
      if (!done && &item != url && &item != command && item.key != "type" && !is_sse(item))
        body += member(server, item, url != nullptr);
    }
    return body;
  }

  // The lines of one more key; none, with a note, for what is the client's own.
  std::string member(const YamlNode& server, const YamlNode& item, bool by_url) {
    const bool list = !by_url && item.key == "args" && item.is_list();
    const bool map = item.is_map() && item.key == (by_url ? "headers" : "env");
    const bool path = !by_url && item.key == "cwd" && item.is_scalar() && !item.text.empty();
    if (list) return texts(server, item);
    if (map) return pairs(server, item, by_url);
    if (path) return "    cwd: " + value(item) + '\n';
    const bool off = item.key == "disabled" && item.is_scalar() && item.text == "true";
    if (off) return "    disabled: true\n";
    const bool says_nothing = item.is_null() || (item.key == "disabled" && item.text == "false") ||
                              ((item.is_map() || item.is_list()) && item.items.empty());
    if (!says_nothing) note(place(server) + ": the key " + quoted(item.key) + " was left out");
    return {};
  }

  std::string texts(const YamlNode& server, const YamlNode& node) {
    std::string out;
    for (const YamlNode& item : node.items) {
      if (item.is_scalar())
        out += (out.empty() ? "" : ", ") + value(item);
      else
        remark(place(server) + ": an argument that is no text was left out");
    }
    return out.empty() ? "" : "    args: [" + out + "]\n";
  }

  std::string pairs(const YamlNode& server, const YamlNode& node, bool headers) {
    std::string out;
    std::vector<std::string> seen;
    for (const YamlNode& item : node.items) {
      std::string fault = headers ? header_name_fault(item.key) : environment_name_fault(item.key);
      if (fault.empty() && !item.is_scalar()) fault = "has no text";
      if (fault.empty() && headers) fault = header_value_fault(item.text);
      if (fault.empty() && headers && std::count(seen.begin(), seen.end(), lower_case(item.key)) > 0)
        fault = "is there twice";
      seen.push_back(lower_case(item.key));
      if (fault.empty())
        out += "      " + yaml_text(item.key) + ": " + value(item) + '\n';
      else
        remark(place(server) + ": " + quoted(item.key) + ' ' + fault + " and was left out");
    }
    if (out.empty()) return {};
    return (headers ? "    headers:\n" : "    env:\n") + out;
  }

  // A text with its references kept, as YAML.
  std::string value(const YamlNode& node) {
    std::string out;
    const std::string_view text = node.text;
    for (std::size_t at = 0; at < text.size();) {
      const std::size_t found = std::min(text.find("${", at), text.size());
      out += text.substr(at, found - at);
      if (found == text.size()) break;
      const std::size_t end = text.find('}', found);
      if (end == std::string_view::npos) {
        out += "$${";
        at = found + 2;
        continue;
      }
      out += reference(text.substr(found + 2, end - found - 2));
      at = end + 1;
    }
    return yaml_text(out);
  }

  // A client's reference, the part between the braces, as one of ours.
  std::string reference(std::string_view inside) {
    if (inside.starts_with("input:")) {
      const std::string name = variable_name(inside.substr(6));
      if (std::find(asked_.begin(), asked_.end(), name) == asked_.end()) {
        asked_.push_back(name);
        remark("set the environment variable " + name + ": VS Code asked for ${" + std::string(inside) + "}");
      }
      return "${" + name + '}';
    }
    const std::string_view name = inside.substr(inside.starts_with("env:") ? 4 : 0);
    const std::string_view head = name.substr(0, name.find(":-"));
    const bool ours = variable_name(head) == head || lower_case(variable_name(head)) == lower_case(head);
    const bool nested = inside.find("${") != std::string_view::npos;
    if (!ours || nested || head.empty()) {
      remark("${" + std::string(inside) +
             "} is no environment variable and was kept as a plain text: see to it");
      return "$${" + std::string(inside) + '}';
    }
    if (head == "workspaceFolder" || head == "userHome" || head == "workspaceFolderBasename")
      remark("${" + std::string(inside) + "} is the client's own: set an environment variable of this name");
    return "${" + std::string(inside) + '}';
  }

  static std::string variable_name(std::string_view text) {
    std::string out;
    for (const char c : text) {
      const bool small = c >= 'a' && c <= 'z';
      const bool fits = small || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') || c == '_';
      out += small ? static_cast<char>(c - 'a' + 'A') : fits ? c : '_';
    }
    if (out.empty() || (out.front() >= '0' && out.front() <= '9')) out.insert(0, "_");
    return out;
  }

  std::string path_;
  std::vector<std::string> notes_;
  std::vector<std::string> comments_;
  std::vector<std::string> asked_;
  std::vector<std::pair<std::string, std::string>> entries_;  // name and the lines below it
};

}  // namespace

ImportOutcome import_configs(std::span<const ImportFile> files) {
  Importer importer;
  for (const ImportFile& file : files) importer.file(file);
  return importer.finish();
}

std::string starter_config() {
  return R"(# yaml-language-server: $schema=./weir.schema.json
# Weir's configuration. Everything here is optional; `weir check weir.yaml` looks it over, `weir run weir.yaml` runs it.

listen: 127.0.0.1:8080   # clients connect to http://127.0.0.1:8080/mcp
admin: 127.0.0.1:9901    # metrics, health and the dashboard; false turns it off

servers:
  demo:
    builtin: demo        # a small server inside Weir, to try things out

  # A server that Weir starts and speaks to by stdio:
  # files:
  #   command: npx
  #   args: [-y, "@modelcontextprotocol/server-filesystem", /srv/files]
  #   env: {TOKEN: "${FILES_TOKEN}"}

  # A server reached by HTTP:
  # search:
  #   url: https://search.example.com/mcp
  #   headers: {Authorization: "Bearer ${SEARCH_TOKEN}"}

# timeout: {request: 5m, connect: 5s}
# log: {level: info, format: text, access: all}
)";
}

}  // namespace weir
