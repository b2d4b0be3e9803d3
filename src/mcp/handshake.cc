#include "mcp/handshake.h"

#include <algorithm>

#include "mcp/outgoing.h"
#include "mcp/splice.h"

namespace weir {
namespace {

auto nonsense(std::string detail) {
  return fail(Error::Kind::upstream_protocol, Error::Side::upstream, Error::Sent::maybe, std::move(detail));
}

// What clients can be asked through Weir.
constexpr std::string_view kBridged =
    R"({"roots":{"listChanged":true},"sampling":{},"elicitation":{"form":{},"url":{}}})";

bool is_object(std::string_view raw) { return !raw.empty() && raw.front() == '{'; }
bool is_text(std::string_view raw) { return raw.size() >= 2 && raw.front() == '"'; }

// A server's revision as Weir speaks it.
std::optional<Revision> spoken(std::string_view version) {
  // The methods that Weir uses are the same.
  if (version == "2024-10-07") return Revision::v2024_11_05;
  return parse_revision(version);
}

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
  // What a gateway can bring to its clients. Which of them can be asked what is declared by each call.
  out += R"(,"io.modelcontextprotocol/clientCapabilities":)";
  out += R"({"elicitation":{"form":{},"url":{}},"roots":{},"sampling":{}}}}})";
  return out;
}
}  // namespace

std::string discover_request(std::string_view id) { return new_request(id, "server/discover"); }

std::string probing_ping(std::string_view id) { return new_request(id, "ping"); }

std::string initialize_request(std::string_view id, const Introduction& as) {
  std::string out = R"({"jsonrpc":"2.0","id":)";
  out += id;
  out += R"(,"method":"initialize","params":{"protocolVersion":")";
  out += to_string(as.revision);
  out += R"(","capabilities":)";
  out += as.capabilities.empty() ? kBridged : std::string_view(as.capabilities);
  out += R"(,"clientInfo":)";
  out += as.client_info.empty() ? own_client_info() : std::string_view(as.client_info);
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
  if (newest_listed(versions) != Revision::v2026_07_28)
    return nonsense("server/discover names no revision that Weir speaks");
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
  const std::optional<Revision> known = spoken(version);
  if (!known || is_new(*known)) return nonsense("the server speaks MCP " + version + ", which Weir does not");
  ServerFacts facts;
  facts.revision = *known;
  facts.capabilities = members.find("capabilities");
  if (!is_object(facts.capabilities)) facts.capabilities = "{}";
  if (const std::string_view info = members.find("serverInfo"); is_object(info)) facts.server_info = info;
  if (const std::string_view text = members.find("instructions"); is_text(text)) facts.instructions = text;
  return facts;
}

std::optional<Revision> newest_listed(std::string_view list) {
  std::optional<Revision> newest;
  JsonCursor cursor(list, JsonLimits(), false);
  if (list.empty() || !cursor.enter_array()) return newest;
  while (cursor.next_element()) {
    const std::string_view version = cursor.take_value();
    if (is_text(version)) newest = std::max(newest, spoken(json_unescape(version)));
  }
  return newest;
}

namespace {

// The server lists the revisions that it speaks: the newest that both do, in whichever era.
void settle_revision(Probed& probed, std::string_view list) {
  const std::optional<Revision> newest = newest_listed(list);
  probed.verdict = newest && !is_new(*newest) ? ProbeVerdict::legacy : ProbeVerdict::modern;
  if (newest) probed.wanted = *newest;
}

}  // namespace

Probed read_probe(int status, const Message* answer) {
  Probed probed{.facts = nonsense("it speaks a revision of MCP that Weir does not")};
  if (answer != nullptr && answer->kind() == Message::Kind::result && status == 200) {
    // A server that answers whatever it is asked with an empty result knows nothing of this method.
    const std::string_view versions = answer->result_member().find("supportedVersions");
    if (!versions.starts_with('[')) return probed;
    settle_revision(probed, versions);
    if (probed.verdict == ProbeVerdict::modern) probed.facts = read_discover(answer->result());
    return probed;
  }
  const bool refused = answer != nullptr && answer->kind() == Message::Kind::error;
  const int code = refused ? error_code(answer->error()) : 0;
  probed.verdict = classify_probe(status, false, code);
  if (probed.verdict != ProbeVerdict::modern || code != kUnsupportedVersion) return probed;
  const std::string_view data = members_of(answer->error()).find("data");
  if (!is_object(data)) return probed;
  settle_revision(probed, members_of(data).find("supported"));
  probed.again = probed.verdict == ProbeVerdict::modern && newest_listed(members_of(data).find("supported"));
  return probed;
}

}  // namespace weir
