#include "admin/origins.h"

#include "base/json.h"
#include "config/describe.h"
#include "config/writer.h"
#include "mcp/splice.h"

namespace weir {
namespace {

std::string shown(const Field& field, const void* owner) {
  std::string json;
  field.show(json, field, owner);
  return json;
}

// Defaults are written as in a file: texts without quotes, a list of one without brackets.
bool is_default(const Field& key, std::string_view value) {
  if (value.starts_with('[') && value.size() > 1) return value.substr(1, value.size() - 2) == key.fallback;
  return (value.starts_with('"') ? json_unescape(value) : std::string(value)) == key.fallback;
}

std::string_view origin_of(const Field& key, std::string_view own, std::string_view top) {
  if (top.empty() ? is_default(key, own) : own == top && is_default(key, own)) return "default";
  return own == top ? "top level" : "server";
}

void append_value(std::string& out, std::string_view value, std::string_view from) {
  out.append("{\"value\":").append(value).append(",\"from\":\"").append(from).append("\"}");
}

// One block of the file; `over`: what the tool's entry says instead of one of its keys.
void append_block(std::string& out, const Field& own, const Field& top, const Config& config,
                  const ServerConfig& server, std::string_view over) {
  static const Config kDefaults;
  const std::string mine = shown(own, &server);
  const std::string above = shown(top, &config);
  if (mine == "false") {
    const bool usual = above == mine && shown(top, &kDefaults) == mine;
    return append_value(out, mine, usual ? "default" : above == mine ? "top level" : "server");
  }
  const RawMembers values = members_of(mine);
  const RawMembers tops = above.starts_with('{') ? members_of(above) : RawMembers();
  out += '{';
  for (const Field& key : own.shape.block->fields) {
    const std::string_view value = values.find(key.name);
    if (value.empty()) continue;
    if (out.back() != '{') out += ',';
    json_append_string(out, key.name);
    out += ':';
    if (key.name == "request" && !over.empty())
      append_value(out, over, "tool");
    else
      append_value(out, value, origin_of(key, value, tops.find(key.name)));
  }
  out += '}';
}

// What stands in is the tool's, or else the server's.
void append_fallback(std::string& out, const ServerConfig& server, const ToolConfig* tool) {
  const bool own = tool != nullptr && tool->fallback;
  if (!own && !server.fallback) return;
  std::string json;
  config_json::put_block(json, fallback_block(), own ? &*tool->fallback : &*server.fallback);
  const RawMembers values = members_of(json);
  out += ",\"fallback\":{";
  for (const Field& key : fallback_block().fields) {
    const std::string_view value = values.find(key.name);
    if (value.empty()) continue;
    if (out.back() != '{') out += ',';
    json_append_string(out, key.name);
    out += ':';
    append_value(out, value, is_default(key, value) ? "default" : own ? "tool" : "server");
  }
  out += '}';
}

}  // namespace

void append_settings(std::string& out, const Config& config, const ServerConfig& server,
                     const std::string& tool) {
  std::string single;
  const auto entry = server.tools.find(tool);
  const ToolConfig* const own_tool = entry == server.tools.end() ? nullptr : &entry->second;
  if (own_tool != nullptr) config_json::put_block(single, tool_block(), own_tool);
  const RawMembers of_tool = single.empty() ? RawMembers() : members_of(single);
  out += '{';
  for (const Field& own : server_block().fields) {
    const Field* top = root_block().find(own.name);
    if (top == nullptr || own.shape.kind != Shape::Kind::block || top->shape.kind != Shape::Kind::block)
      continue;
    if (out.back() != '{') out += ',';
    json_append_string(out, own.name);
    out += ':';
    append_block(out, own, *top, config, server,
                 own.name == "timeout" ? of_tool.find("timeout") : std::string_view());
  }
  append_fallback(out, server, own_tool);
  if (!single.empty() && single != "{}") {
    out += ",\"tool\":{";
    for (const Field& key : tool_block().fields) {
      const std::string_view value = of_tool.find(key.name);
      if (value.empty() || key.name == "fallback") continue;
      if (out.back() != '{') out += ',';
      json_append_string(out, key.name);
      out += ':';
      append_value(out, value, "tool");
    }
    out += '}';
  }
  out += '}';
}

}  // namespace weir
