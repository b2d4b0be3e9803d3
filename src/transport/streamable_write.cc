// What Streamable HTTP puts on the wire: heads made anew from the message.
#include <charconv>

#include "base/text_writer.h"
#include "mcp/header_value.h"
#include "transport/outgoing_call.h"
#include "transport/streamable.h"

namespace weir {
namespace {

void append_line(std::string& out, std::string_view name, std::string_view value) {
  out.append(name).append(": ").append(value).append("\r\n");
}

void append_length(std::string& out, std::size_t size) {
  char digits[20];
  const auto end = std::to_chars(digits, digits + sizeof digits, size).ptr;
  out.append("Content-Length: ").append(digits, end).append("\r\n\r\n");
}

}  // namespace

Streamable::Streamable(Shard& shard, StreamableOptions options)
    : shard_(shard), options_(std::move(options)), pool_(shard, options_.origin, Pool::Options()) {
  head_start_ = "POST " + options_.path + " HTTP/1.1\r\n";
  append_line(head_start_, "Host", options_.host);
  append_line(head_start_, "Content-Type", "application/json");
  append_line(head_start_, "Accept", "application/json, text/event-stream");
  append_line(head_start_, "Accept-Encoding", "identity");
  for (const auto& [name, value] : options_.headers) append_line(head_start_, name, value);
}

// Head and body of a call in one piece.
Buffer Streamable::write_call(const Call& call, const std::string& id, std::size_t& size) const {
  const Peer& peer = *call.peer;
  const Revision revision = peer.facts.revision;
  const OutgoingRequest request = outgoing_request(call, id);
  Splices body = request_edits(call.message, call.row, request);
  const std::size_t body_size = body.size();

  const Route route = call.row.route;
  const bool named =
      is_new(revision) && (route == Route::by_name || route == Route::by_uri || route == Route::task);
  std::string_view name;
  std::string encoded;
  if (named) {
    name = call.target.empty() ? call.name : call.target;
    if (name.empty()) {
      name = raw_target(call.message, call.row);
      if (name.size() >= 2) name = name.substr(1, name.size() - 2);
      if (name.find('\\') != std::string_view::npos) name = encoded = json_unescape(name);
    }
    if (!header_value_plain(name)) name = encoded = encode_header_value(std::string(name));
  }
  constexpr std::size_t kNamesMax = 200;  // of the fields below, with their separators and the length
  Buffer wire(head_start_.size() + kNamesMax + call.row.name.size() + name.size() + peer.session.size() +
              call.client.param_headers.size() + call.trace.parent.size() + call.trace.state.size() +
              body_size);
  TextWriter out(wire.data());
  out.text(head_start_).line("MCP-Protocol-Version", to_string(revision));
  if (is_new(revision)) {
    out.line("Mcp-Method", call.row.name);
    if (named) out.line("Mcp-Name", name).text(call.client.param_headers);
  } else if (!peer.session.empty()) {
    out.line("Mcp-Session-Id", peer.session);
  }
  if (!call.trace.parent.empty()) out.line("traceparent", call.trace.parent);
  if (!call.trace.state.empty()) out.line("tracestate", call.trace.state);
  out.text("Content-Length: ").number(body_size).text("\r\n\r\n");
  size = static_cast<std::size_t>(body.write_to(out.at()) - wire.data());
  return wire;
}

// For notifications and the handshake of the old era.
void Streamable::append_old_head(std::string& out, const Peer* peer, std::size_t body_size) const {
  out += head_start_;
  if (peer != nullptr) {
    append_line(out, "MCP-Protocol-Version", to_string(peer->facts.revision));
    if (!peer->session.empty()) append_line(out, "Mcp-Session-Id", peer->session);
  }
  append_length(out, body_size);
}

}  // namespace weir
