#include "config/writer.h"

#include "base/json.h"
#include "base/units.h"
#include "config/redact.h"
#include "config/text_rules.h"

namespace weir::config_json {
namespace {

constexpr std::string_view kHidden = "***";

void put_name(std::string& out, std::string_view name) {
  if (out.back() != '{') out += ',';
  json_append_string(out, name);
  out += ':';
}

// A list of whatever `each` appends.
template <class Items, class Each>
bool put_list(std::string& out, const Items& items, const Each& each) {
  out += '[';
  for (const auto& item : items) {
    if (out.back() != '[') out += ',';
    each(item);
  }
  out += ']';
  return true;
}

}  // namespace

bool put(std::string& out, const Field& field, bool value) {
  if (field.shape.kind == Shape::Kind::choice) return put_choice(out, field, value ? 1 : 0);
  out += value ? "true" : "false";
  return true;
}

bool put(std::string& out, const Field& field, unsigned value) {
  const bool automatic = field.shape.kind == Shape::Kind::auto_count && value == 0;
  out += automatic ? "\"auto\"" : std::to_string(value);
  return true;
}

bool put(std::string& out, const Field& field, std::size_t value) {
  if (field.shape.kind == Shape::Kind::size)
    json_append_string(out, format_size(value));
  else
    out += std::to_string(value);
  return true;
}

bool put(std::string& out, const Field&, std::chrono::milliseconds value) {
  json_append_string(out, format_duration(value));
  return true;
}

bool put(std::string& out, const Field& field, const std::optional<std::chrono::milliseconds>& value) {
  if (value) return put(out, field, *value);
  if (field.shape.kind != Shape::Kind::auto_duration) return false;
  out += "\"auto\"";
  return true;
}

bool put(std::string& out, const Field& field, const std::optional<bool>& value) {
  return value && put(out, field, *value);
}

bool put(std::string& out, const Field& field, const std::optional<std::size_t>& value) {
  return value && put(out, field, *value);
}

bool put(std::string& out, const Field&, const HedgeDelay& value) {
  json_append_string(out,
                     value.fixed ? format_duration(*value.fixed) : 'p' + std::to_string(value.percentile));
  return true;
}

bool put(std::string& out, const Field& field, const std::optional<FallbackConfig>& value) {
  return value && put_block(out, *field.shape.block, &*value);
}

bool put(std::string& out, const Field& field, const std::vector<DegradationRule>& value) {
  return put_list(out, value,
                  [&](const DegradationRule& rule) { put_block(out, *field.shape.block, &rule); });
}

bool put(std::string& out, const Field& field, double value) {
  if (field.shape.kind == Shape::Kind::share)
    json_append_string(out, format_share(value));
  else
    out += format_decimal(value);
  return true;
}

bool put(std::string& out, const Field&, const std::vector<std::size_t>& value) {
  return put_list(out, value, [&](std::size_t item) { out += std::to_string(item); });
}

bool put(std::string& out, const Field& field, const std::string& value) {
  if (value.empty()) return false;
  const bool hidden = field.shape.secret == Shape::Secret::whole;
  json_append_string(out, hidden                                     ? std::string(kHidden)
                          : field.shape.secret == Shape::Secret::url ? redact_url(value)
                                                                     : value);
  return true;
}

bool put(std::string& out, const Field&, const AddressConfig& value) {
  json_append_string(out, to_string(value));
  return true;
}

bool put(std::string& out, const Field& field, const std::vector<std::string>& value) {
  if (value.empty() && field.goes != Field::Goes::anywhere) return false;  // it would not fit every server
  if (field.shape.secret == Shape::Secret::whole)
    return put_list(out, value, [&](const std::string&) { json_append_string(out, kHidden); });
  const bool secret = field.shape.secret == Shape::Secret::arguments;
  return put_list(out, secret ? redact_arguments(value) : value,
                  [&](const std::string& item) { json_append_string(out, item); });
}

bool put(std::string& out, const Field& field,
         const std::vector<std::pair<std::string, std::string>>& value) {
  if (value.empty() && field.goes != Field::Goes::anywhere) return false;
  out += '{';
  for (const auto& [name, text] : value) {
    put_name(out, name);
    json_append_string(out, field.shape.secret == Shape::Secret::values ? kHidden : std::string_view(text));
  }
  out += '}';
  return true;
}

bool put(std::string& out, const Field& field, const std::map<std::string, LogLevel>& value) {
  out += '{';
  for (const auto& [name, level] : value) {
    put_name(out, name);
    put_choice(out, field, static_cast<std::size_t>(level));
  }
  out += '}';
  return true;
}

bool put(std::string& out, const Field& field, const std::map<std::string, ToolConfig>& value) {
  out += '{';
  for (const auto& [name, tool] : value) {
    put_name(out, name);
    put_block(out, *field.shape.block, &tool);
  }
  out += '}';
  return true;
}

bool put(std::string& out, const Field& field, ServerConfig::Type value) {
  return value != ServerConfig::Type::builtin && put_choice(out, field, static_cast<std::size_t>(value));
}

bool put(std::string& out, const Field& field, const std::vector<ListenConfig>& value) {
  return put_list(out, value, [&](const ListenConfig& item) { put_block(out, *field.shape.block, &item); });
}

bool put(std::string& out, const Field& field, const std::optional<AddressConfig>& value) {
  if (value) return put(out, field, *value);
  out += "false";
  return true;
}

bool put(std::string& out, const Field& field, const std::optional<AdminConfig>& value) {
  if (!value) {
    out += "false";
    return true;
  }
  // The short form where that says it all.
  AdminConfig plain;
  plain.address = value->address;
  return *value == plain ? put(out, field, value->address) : put_block(out, *field.shape.block, &*value);
}

bool put(std::string& out, const Field& field, const ListenTlsConfig& value) {
  return !value.cert.empty() && put_block(out, *field.shape.block, &value);
}

bool put(std::string& out, const Field& field, const AuthConfig& value) {
  return !value.bearer_tokens.empty() && put_block(out, *field.shape.block, &value);
}

bool put(std::string& out, const Field& field, const std::vector<EndpointConfig>& value) {
  return put_list(out, value, [&](const EndpointConfig& item) { put_block(out, *field.shape.block, &item); });
}

bool put(std::string& out, const Field& field, const std::vector<ServerConfig>& value) {
  out += '{';
  for (const ServerConfig& server : value) {
    put_name(out, server.name);
    put_block(out, *field.shape.block, &server);
  }
  out += '}';
  return true;
}

bool put_choice(std::string& out, const Field& field, std::size_t index) {
  json_append_string(out, field.shape.choices[index]);
  return true;
}

bool put_block(std::string& out, const Block& block, const void* owner) {
  out += '{';
  for (const Field& field : block.fields) {
    if (!applies(block, field, owner)) continue;
    const std::size_t before = out.size();
    put_name(out, field.name);
    if (!field.show(out, field, owner)) out.resize(before);
  }
  out += '}';
  return true;
}

}  // namespace weir::config_json
