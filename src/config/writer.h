// From Config to JSON, the other direction of the reader: one overload a sort of value, secrets hidden as the
// Shape says. Each appends its value and says true, or appends nothing and says false where there is nothing
// to show.
#pragma once

#include <string>
#include <type_traits>

#include "config/describe.h"

namespace weir::config_json {

/// Appends the value of the field as JSON; false, and nothing appended, where there is nothing to show.
bool put(std::string& out, const Field& field, bool value);
bool put(std::string& out, const Field& field, unsigned value);
bool put(std::string& out, const Field& field, std::size_t value);
bool put(std::string& out, const Field& field, std::chrono::milliseconds value);
bool put(std::string& out, const Field& field, const std::optional<std::chrono::milliseconds>& value);
bool put(std::string& out, const Field& field, const std::optional<bool>& value);
bool put(std::string& out, const Field& field, const std::optional<std::size_t>& value);
bool put(std::string& out, const Field& field, const HedgeDelay& value);
bool put(std::string& out, const Field& field, const std::optional<FallbackConfig>& value);
bool put(std::string& out, const Field& field, const std::vector<DegradationRule>& value);
bool put(std::string& out, const Field& field, double value);
bool put(std::string& out, const Field& field, const std::vector<std::size_t>& value);
bool put(std::string& out, const Field& field, const std::string& value);
bool put(std::string& out, const Field& field, const AddressConfig& value);
bool put(std::string& out, const Field& field, const std::vector<std::string>& value);
bool put(std::string& out, const Field& field, const std::vector<std::pair<std::string, std::string>>& value);
bool put(std::string& out, const Field& field, const std::map<std::string, LogLevel>& value);
bool put(std::string& out, const Field& field, const std::map<std::string, ToolConfig>& value);
bool put(std::string& out, const Field& field, ServerConfig::Type value);
bool put(std::string& out, const Field& field, const std::vector<ListenConfig>& value);
bool put(std::string& out, const Field& field, const std::optional<AddressConfig>& value);
bool put(std::string& out, const Field& field, const std::optional<AdminConfig>& value);
bool put(std::string& out, const Field& field, const ListenTlsConfig& value);
bool put(std::string& out, const Field& field, const AuthConfig& value);
bool put(std::string& out, const Field& field, const std::vector<EndpointConfig>& value);
bool put(std::string& out, const Field& field, const std::vector<ServerConfig>& value);
/// One of the field's choices.
bool put_choice(std::string& out, const Field& field, std::size_t index);
/// The keys of a block that mean something as things are, with their values, in the order of the table.
bool put_block(std::string& out, const Block& block, const void* owner);

/// An enumeration or a block.
template <class V>
bool put(std::string& out, const Field& field, const V& value) {
  if constexpr (std::is_enum_v<V>)
    return put_choice(out, field, static_cast<std::size_t>(value));
  else if constexpr (requires { value.enabled; })
    return field.shape.switchable && !value.enabled ? put(out, Field(), false)
                                                    : put_block(out, *field.shape.block, &value);
  else
    return put_block(out, *field.shape.block, &value);
}

}  // namespace weir::config_json
