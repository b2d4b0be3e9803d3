#include "mcp/handshake.h"

#include "mcp/outgoing.h"
#include "mcp/splice.h"

namespace weir {
namespace {

auto nonsense(std::string detail) {
  return fail(Error::Kind::upstream_protocol, Error::Side::upstream, Error::Sent::maybe, std::move(detail));
}

bool is_object(std::string_view raw) { return !raw.empty() && raw.front() == '{'; }
bool is_text(std::string_view raw) { return raw.size() >= 2 && raw.front() == '"'; }

}  // namespace

bool ServerFacts::has(std::string_view name) const {
  return is_object(capabilities) && !members_of(capabilities).find(name).empty();
}

namespace {
// A request of the new era without parameters of its own.
std::string new_request(std::string_view id, std::string_view method) {
  std::string out = R"({"jsonrpc":"2.0","id":)";
  out += id;
  out += R"(,"method":")";
  out += method;
  out += R"(","params":{"_meta":{"io.modelcontextprotocol/protocolVersion":")";
  out += to_string(Revision::v2026_07_28);
  out += R"(","io.modelcontextprotocol/clientInfo":)";
  out += own_client_info();
  out += R"(,"io.modelcontextprotocol/clientCapabilities":{}}}})";
  return out;
}
}  // namespace

std::string discover_request(std::string_view id) { return new_request(id, "server/discover"); }

std::string probing_ping(std::string_view id) { return new_request(id, "ping"); }

std::string initialize_request(std::string_view id) {
  std::string out = R"({"jsonrpc":"2.0","id":)";
  out += id;
  out += R"(,"method":"initialize","params":{"protocolVersion":")";
  out += to_string(kNewestOld);
  out += R"(","capabilities":{},"clientInfo":)";
  out += own_client_info();
  out += "}}";
  return out;
}

std::string_view initialized_notification() noexcept {
  return R"({"jsonrpc":"2.0","method":"notifications/initialized"})";
}

Result<ServerFacts> read_discover(std::string_view result) {
  if (!is_object(result)) return nonsense("server/discover was answered without a result object");
  const RawMembers members = members_of(result);
  const std::string_view versions = members.find("supportedVersions");
  ServerFacts facts;
  bool speaks = false;
  JsonCursor cursor(versions, JsonLimits(), false);
  if (!versions.empty() && cursor.enter_array())
    while (cursor.next_element()) {
      const std::string_view version = cursor.take_value();
      speaks = speaks || (is_text(version) && json_unescape(version) == to_string(Revision::v2026_07_28));
    }
  if (!speaks) return nonsense("server/discover names no revision that Weir speaks");
  facts.capabilities = members.find("capabilities");
  if (!is_object(facts.capabilities)) facts.capabilities = "{}";
  const std::string_view instructions = members.find("instructions");
  if (is_text(instructions)) facts.instructions = instructions;
  if (const std::string_view meta = members.find("_meta"); is_object(meta)) {
    const std::string_view info = members_of(meta).find(kMetaServerInfo);
    if (is_object(info)) facts.server_info = info;
  }
  if (const std::string_view info = members.find("serverInfo"); facts.server_info.empty() && is_object(info))
    facts.server_info = info;
  return facts;
}

Result<ServerFacts> read_initialize(std::string_view result) {
  if (!is_object(result)) return nonsense("initialize was answered without a result object");
  const RawMembers members = members_of(result);
  const std::string_view raw = members.find("protocolVersion");
  if (!is_text(raw)) return nonsense("initialize was answered without a protocolVersion");
  const std::string version = json_unescape(raw);
  const std::optional<Revision> known = parse_revision(version);
  ServerFacts facts;
  if (known && !is_new(*known))
    facts.revision = *known;
  else if (version == "2024-10-07")
    facts.revision = Revision::v2024_11_05;  // the methods that Weir uses are the same
  else
    return nonsense("the server speaks MCP " + version + ", which Weir does not");
  facts.capabilities = members.find("capabilities");
  if (!is_object(facts.capabilities)) facts.capabilities = "{}";
  if (const std::string_view info = members.find("serverInfo"); is_object(info)) facts.server_info = info;
  if (const std::string_view text = members.find("instructions"); is_text(text)) facts.instructions = text;
  return facts;
}

}  // namespace weir
