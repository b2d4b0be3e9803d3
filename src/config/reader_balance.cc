// The parts of the reader for the values of load balancing and health: shares, factors, durations that may be
// automatic, statuses, hash keys, name servers, weights.
#include <algorithm>

#include "base/units.h"
#include "config/reader.h"
#include "config/redact.h"
#include "config/suggest.h"
#include "config/text_rules.h"

namespace weir {

void Reader::value(const YamlNode& node, const Field& field, std::optional<std::chrono::milliseconds>& out) {
  if (field.shape.kind == Shape::Kind::auto_duration) {
    const auto found = word(node, field);
    if (!found) return;
    if (*found == "auto") return out.reset();
  }
  std::chrono::milliseconds time(-1);
  value(node, field, time);
  if (time.count() >= 0) out = time;
}

void Reader::value(const YamlNode& node, const Field& field, double& out) {
  const auto found = word(node, field);
  if (!found) return;
  const bool share = field.shape.kind == Shape::Kind::share;
  const auto number = !share && found->ends_with('%') ? std::nullopt : parse_share(*found);
  const double unit = share ? 100 : 1;
  const bool fits = number && *number * unit >= static_cast<double>(field.shape.min) &&
                    *number * unit <= static_cast<double>(field.shape.max);
  if (!fits && (share || !number || *number != 0)) return wrong(node, field);
  out = *number;
}

void Reader::value(const YamlNode& node, const Field& field, std::vector<std::size_t>& out) {
  const std::size_t count = node.is_list() ? node.items.size() : 1;
  if (count == 0 || node.is_null()) return error(node, field, "needs at least one status");
  std::vector<std::size_t> numbers;
  for (std::size_t i = 0; i < count; ++i) {
    const std::size_t before = diagnostics_.errors();
    std::size_t number = 0;
    value(node.is_list() ? node.items[i] : node, field, number);
    if (before == diagnostics_.errors()) numbers.push_back(number);
  }
  out = std::move(numbers);
}

void Reader::value(const YamlNode& node, const Field& field, std::map<std::string, std::size_t>& out) {
  if (&out == &config_->load_balancing.weights)
    return diagnostics_.error(node.key_at,
                              "\"weights\" names endpoints of one server: it belongs in that server's block");
  if (!is_block(node, field)) return;
  Field inner = field;
  inner.shape.kind = Shape::Kind::count;
  for (const YamlNode& item : node.items) {
    const std::string name = redact_url(item.key);
    inner.name = name;
    std::size_t number = 1;  // a refused one is no second mistake
    value(item, inner, number);
    out[item.key] = number;
  }
}

void Reader::value_of_resolve(const YamlNode& node, const Field& field, ServerConfig& out) {
  constexpr std::string_view kServer = "dns://";
  const auto found = node.is_scalar() ? text(node, field) : std::nullopt;
  if (!found) {
    if (!node.is_scalar()) wrong(node, field);
    return;
  }
  AddressConfig server;
  if (found->starts_with(kServer)) {
    const std::string fault = name_server_fault(std::string_view(*found).substr(kServer.size()), server);
    if (!fault.empty()) return error(node, field, fault);
  } else {
    const auto& choices = field.shape.choices;
    if (std::find(choices.begin(), choices.end(), *found) == choices.end()) {
      const bool secret = *found != node.text;
      return error(node, field,
                   "must be " + expected(field.shape) + (secret ? "" : did_you_mean(*found, choices)));
    }
  }
  out.resolve_dns = *found != "off";
  out.dns_server = server.host.empty() ? std::string() : to_string(server);
}

void Reader::value_of_hash_key(const YamlNode& node, const Field& field, LoadBalancingConfig& out) {
  constexpr std::string_view kHeader = "header:";
  const auto found = node.is_scalar() ? text(node, field) : std::nullopt;
  if (!found) {
    if (!node.is_scalar()) wrong(node, field);
    return;
  }
  if (found->starts_with(kHeader)) {
    if (!is_header_name(std::string_view(*found).substr(kHeader.size())))
      return error(node, field, "must have the name of a header behind header:");
    out.hash_key = LoadBalancingConfig::HashKey::header;
    out.hash_header = lower_case(found->substr(kHeader.size()));
    return;
  }
  const auto& choices = field.shape.choices;
  const auto at = std::find(choices.begin(), choices.end(), *found);
  if (at == choices.end()) {
    const bool secret = *found != node.text;
    return error(node, field,
                 "must be " + expected(field.shape) + (secret ? "" : did_you_mean(*found, choices)));
  }
  out.hash_key = static_cast<LoadBalancingConfig::HashKey>(at - choices.begin());
  out.hash_header.clear();
}

}  // namespace weir
