// Fuzzes the configuration: whatever the bytes, loading ends, a configuration comes exactly without errors,
// messages are printable, what was loaded is printed as JSON that is valid, and the rest can rely on its
// endpoints. The first byte chooses the file's kind.
#include <algorithm>
#include <cstdint>
#include <set>
#include <string>

#include "base/check.h"
#include "base/json.h"
#include "base/url.h"
#include "config/load.h"
#include "config/redact.h"

namespace {

std::optional<std::string> environment(std::string_view name) {
  if (name == "A") return "value";
  if (name == "EVIL") return "a\r\n${A}: [";
  return std::nullopt;
}

void check_printable(const weir::Diagnostic& diagnostic) {
  WEIR_CHECK(diagnostic.line >= 1 && diagnostic.column >= 1 && diagnostic.caret >= 0);
  WEIR_CHECK(weir::utf8_valid(diagnostic.source_line));
  for (const char c : diagnostic.source_line) WEIR_CHECK(static_cast<unsigned char>(c) >= 0x20);
  WEIR_CHECK(!weir::to_string(diagnostic).empty());
}

// Every URL is usable, no two are the same endpoint, and calls have somewhere to go.
void check_endpoints(const weir::ServerConfig& server) {
  using Type = weir::ServerConfig::Type;
  const bool by_url = server.type == Type::http || server.type == Type::sse;
  WEIR_CHECK(server.endpoints.empty() == !by_url);
  WEIR_CHECK(server.url.empty() == (server.endpoints.size() != 1));
  WEIR_CHECK(by_url || server.health_check.type == weir::HealthCheckConfig::Type::mcp);
  std::set<std::string> addresses;
  std::size_t weight = 0;
  std::string reason;
  for (const weir::EndpointConfig& each : server.endpoints) {
    WEIR_CHECK(weir::parse_url(each.url, reason));
    WEIR_CHECK(addresses.insert(weir::display_url(each.url)).second);
    weight += each.weight;
  }
  WEIR_CHECK(!by_url || weight > 0);
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  if (size < 1) return 0;
  const std::string name = data[0] % 2 == 0 ? "f.yaml" : "f.json";
  const std::string_view text(reinterpret_cast<const char*>(data + 1), size - 1);
  const weir::LoadOutcome outcome = weir::load_config(text, name, environment);
  bool failed = false;
  for (const weir::Diagnostic& diagnostic : outcome.diagnostics) {
    check_printable(diagnostic);
    failed = failed || diagnostic.severity == weir::Diagnostic::error;
  }
  WEIR_CHECK(outcome.config.has_value() == !failed);
  if (!outcome.config) return 0;
  const std::string json = weir::redacted_json(*outcome.config);
  weir::JsonCursor cursor(json, {}, true);
  cursor.take_value();
  WEIR_CHECK(cursor.finish());
  for (const weir::ServerConfig& server : outcome.config->servers) check_endpoints(server);
  return 0;
}
