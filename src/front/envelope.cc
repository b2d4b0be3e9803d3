#include "front/envelope.h"

#include <algorithm>

#include "mcp/header_value.h"
#include "mcp/log_level.h"
#include "mcp/outgoing.h"

namespace weir {
namespace {

constexpr int kInvalidParams = -32602;

using Checked = std::optional<EnvelopeFault>;

EnvelopeFault fault(int status, int code, std::string sentence) {
  return EnvelopeFault{status, code, std::move(sentence), {}};
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
  std::string shown(requested);
  if (!utf8_valid(shown))  // a header may hold any byte
    for (char& c : shown)
      if (static_cast<unsigned char>(c) >= 0x80) c = '?';
  json_append_string(out.data, shown);
  out.data += '}';
  return out;
}

// Names are short: a loop beats a call.
bool has_backslash(std::string_view name) noexcept {
  for (const char c : name)
    if (c == '\\') return true;
  return false;
}

// Visible ASCII, blanks and tabs: what else a header holds is no value of ours.
bool field_text(std::string_view value) {
  return std::all_of(value.begin(), value.end(), [](char c) { return (c >= ' ' && c <= '~') || c == '\t'; });
}

bool too_long(std::string_view raw) { return raw.size() > kIntroductionMax; }

bool is_object(std::string_view raw) { return !raw.empty() && raw.front() == '{'; }

// The header that mirrors the name must stand for the same text.
Checked check_name(const RequestHead& head, const Message& message, const MethodRow& row) {
  if (row.route != Route::by_name && row.route != Route::by_uri && row.route != Route::task)
    return std::nullopt;
  const std::string_view raw = raw_target(message, row);
  // Without either the router says what is missing.
  if (raw.empty() && !head.has(Field::mcp_name)) return std::nullopt;
  if (raw.empty()) return fault(400, kHeaderMismatch, "the header Mcp-Name mirrors nothing in the body");
  if (!head.has(Field::mcp_name)) return fault(400, kHeaderMismatch, "the header Mcp-Name is missing");
  const std::string_view header = head.get(Field::mcp_name);
  // The usual name needs neither coding nor escapes.
  if (header == raw.substr(1, raw.size() - 2) && header_value_plain(header) && !has_backslash(header))
    return std::nullopt;
  const std::optional<std::string> name = field_text(header) ? decode_header_value(header) : std::nullopt;
  if (!name || has_lone_surrogate(raw) || *name != json_unescape(raw))
    return fault(400, kHeaderMismatch, "the header Mcp-Name does not match the body");
  return std::nullopt;
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

// What a request must say of its client, in either way.
Checked check_client(const Message& message, ClientWord& word) {
  word.capabilities = message.meta().find(kMetaCapabilities);
  if (!is_object(word.capabilities))
    return fault(400, kInvalidParams,
                 "params._meta needs \"" + std::string(kMetaCapabilities) + "\", an object");
  word.client_info = message.meta().find(kMetaClientInfo);
  if (too_long(word.capabilities) || too_long(word.client_info))
    return fault(400, kInvalidParams, "what the client says of itself is too long");
  if (!word.client_info.empty() && !is_object(word.client_info))
    return fault(400, kInvalidParams, "\"" + std::string(kMetaClientInfo) + "\" is an object");
  std::string level;
  if (!message.meta().find(kMetaLogLevel).empty() &&
      (!message.meta_text(kMetaLogLevel, level) || !is_log_level(level)))
    return fault(400, kInvalidParams,
                 "\"" + std::string(kMetaLogLevel) + "\" is a level from debug to emergency");
  return std::nullopt;
}

bool is_method(const MethodRow* row) { return row != nullptr && row->new_clients && row->request; }
EnvelopeFault no_method() { return fault(404, -32601, "Method not found"); }

}  // namespace

Checked check_new_request(const RequestHead& head, const Message& message, const MethodRow* row,
                          ClientWord& word) {
  const std::string_view header = head.get(Field::mcp_protocol_version);
  const std::string_view raw_version = message.meta().find(kMetaVersion);
  if (raw_version != "\"2026-07-28\"" || header != "2026-07-28") {
    std::string version;
    if (!message.meta_text(kMetaVersion, version)) return no_version();
    if (header.empty()) return fault(400, kHeaderMismatch, "the header MCP-Protocol-Version is missing");
    if (header != version || !field_text(header))
      return fault(400, kHeaderMismatch, "the header MCP-Protocol-Version does not match the body");
    if (version != to_string(Revision::v2026_07_28)) return unsupported(version, kRevisions.size() - 1);
  }
  if (Checked wrong = check_client(message, word)) return wrong;
  if (!head.has(Field::mcp_method)) return fault(400, kHeaderMismatch, "the header Mcp-Method is missing");
  if (head.get(Field::mcp_method) != message.method())
    return fault(400, kHeaderMismatch, "the header Mcp-Method does not match the body");
  if (!is_method(row))
    return field_text(message.method())
               ? no_method()
               : fault(400, kHeaderMismatch, "the header Mcp-Method has characters that no header holds");
  return check_name(head, message, *row);
}

Checked check_new_request(const Message& message, const MethodRow* row, ClientWord& word) {
  std::string version;
  if (!message.meta_text(kMetaVersion, version)) return no_version();
  if (version != to_string(Revision::v2026_07_28)) return unsupported(version, kRevisions.size() - 1);
  if (Checked wrong = check_client(message, word)) return wrong;
  if (!is_method(row)) return no_method();
  return std::nullopt;
}

Checked check_old_version(const RequestHead& head) {
  const std::string_view version = head.get(Field::mcp_protocol_version);
  if (version.empty() || parse_revision(version)) return std::nullopt;
  return unsupported(version, 0);
}

}  // namespace weir
