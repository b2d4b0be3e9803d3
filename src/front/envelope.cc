#include "front/envelope.h"

#include "mcp/header_value.h"
#include "mcp/outgoing.h"

namespace weir {
namespace {

constexpr int kInvalidParams = -32602;

EnvelopeFault fault(int status, int code, std::string sentence) {
  EnvelopeFault out;
  out.status = status;
  out.code = code;
  out.sentence = std::move(sentence);
  return out;
}

// Whoever asks by `_meta` can be served by what server/discover lists; by header, the sessions' revisions
// too.
EnvelopeFault unsupported(std::string_view requested, std::size_t oldest) {
  EnvelopeFault out = fault(400, kUnsupportedVersion, "Unsupported protocol version");
  out.data = R"({"supported":[)";
  for (std::size_t i = kRevisions.size(); i-- > oldest;) {
    out.data += '"';
    out.data += kRevisions[i];
    out.data += i == oldest ? "\"" : "\",";
  }
  out.data += R"(],"requested":)";
  json_append_string(out.data, requested);
  out.data += '}';
  return out;
}

bool is_object(std::string_view raw) { return !raw.empty() && raw.front() == '{'; }

// The header that mirrors the name must stand for the same text.
EnvelopeFault check_name(const RequestHead& head, const Message& message, const MethodRow& row) {
  if (row.route != Route::by_name && row.route != Route::by_uri && row.route != Route::task) return {};
  const std::string_view raw = raw_target(message, row);
  if (raw.empty()) return {};  // the router says what is missing
  if (!head.has(Field::mcp_name)) return fault(400, kHeaderMismatch, "the header Mcp-Name is missing");
  const std::string_view header = head.get(Field::mcp_name);
  // The usual name needs neither coding nor escapes.
  if (header == raw.substr(1, raw.size() - 2) && header_value_plain(header) &&
      header.find('\\') == std::string_view::npos)
    return {};
  const std::optional<std::string> name = decode_header_value(header);
  if (!name || *name != json_unescape(raw))
    return fault(400, kHeaderMismatch, "the header Mcp-Name does not match the body");
  return {};
}

}  // namespace

bool is_new_request(const Message& message) { return !message.meta().find(kMetaVersion).empty(); }

bool is_new_request(const RequestHead& head, const Message& message) {
  const std::string_view version = head.get(Field::mcp_protocol_version);
  return version == to_string(Revision::v2026_07_28) || is_new_request(message);
}

namespace {

EnvelopeFault no_version() {
  return fault(400, kInvalidParams, "params._meta needs \"" + std::string(kMetaVersion) + "\", a string");
}

// What a request must say of its client, in either way; without a fault also what it says.
EnvelopeFault check_client(const Message& message) {
  EnvelopeFault out;
  out.capabilities = message.meta().find(kMetaCapabilities);
  if (!is_object(out.capabilities))
    return fault(400, kInvalidParams,
                 "params._meta needs \"" + std::string(kMetaCapabilities) + "\", an object");
  out.client_info = message.meta().find(kMetaClientInfo);
  if (!out.client_info.empty() && !is_object(out.client_info))
    return fault(400, kInvalidParams, "\"" + std::string(kMetaClientInfo) + "\" is an object");
  return out;
}

bool is_method(const MethodRow* row) { return row != nullptr && row->new_clients && row->request; }
EnvelopeFault no_method() { return fault(404, -32601, "Method not found"); }

}  // namespace

EnvelopeFault check_new_request(const RequestHead& head, const Message& message, const MethodRow* row) {
  const std::string_view header = head.get(Field::mcp_protocol_version);
  std::string version;
  const std::string_view raw_version = message.meta().find(kMetaVersion);
  const bool usual = raw_version == "\"2026-07-28\"" && header == "2026-07-28";
  if (!usual && !message.meta_text(kMetaVersion, version)) return no_version();
  if (header.empty()) return fault(400, kHeaderMismatch, "the header MCP-Protocol-Version is missing");
  if (!usual && header != version)
    return fault(400, kHeaderMismatch, "the header MCP-Protocol-Version does not match the body");
  if (!usual && version != to_string(Revision::v2026_07_28))
    return unsupported(version, kRevisions.size() - 1);
  EnvelopeFault out = check_client(message);
  if (out.status != 0) return out;
  if (!head.has(Field::mcp_method)) return fault(400, kHeaderMismatch, "the header Mcp-Method is missing");
  if (head.get(Field::mcp_method) != message.method())
    return fault(400, kHeaderMismatch, "the header Mcp-Method does not match the body");
  if (!is_method(row)) return no_method();
  EnvelopeFault wrong = check_name(head, message, *row);
  if (wrong.status != 0) return wrong;
  return out;
}

EnvelopeFault check_new_request(const Message& message, const MethodRow* row) {
  std::string version;
  if (!message.meta_text(kMetaVersion, version)) return no_version();
  if (version != to_string(Revision::v2026_07_28)) return unsupported(version, kRevisions.size() - 1);
  EnvelopeFault out = check_client(message);
  if (out.status == 0 && !is_method(row)) return no_method();
  return out;
}

EnvelopeFault check_old_version(const RequestHead& head) {
  const std::string_view version = head.get(Field::mcp_protocol_version);
  if (version.empty() || parse_revision(version)) return {};
  return unsupported(version, 0);
}

}  // namespace weir
