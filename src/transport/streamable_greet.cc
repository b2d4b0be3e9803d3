// How a server over Streamable HTTP is asked who it is: `server/discover`, and if that says "old",
// `initialize`.
#include "http/sse.h"
#include "mcp/outgoing.h"
#include "transport/streamable.h"

namespace weir {
namespace {

auto upstream_fault(Error::Kind kind, std::string detail) {
  return fail(kind, Error::Side::upstream, Error::Sent::maybe, std::move(detail));
}

// The response to `id` in a whole body; nothing if it holds none.
std::optional<Message> response_in(const Bytes& body, std::string_view id) {
  auto message = Message::index(body, JsonLimits(), Message::From::upstream);
  if (!message || !message->is_response()) return std::nullopt;
  if (message->raw_id() != id && message->raw_id() != "null") return std::nullopt;
  return std::move(*message);
}

}  // namespace

// One exchange whose answer is wanted whole. An event stream is read up to its first response.
Task<Result<Streamable::Plain>> Streamable::post(std::string head, std::string body, TimePoint deadline,
                                                 CancelScope& cancel) {
  const iovec pieces[2] = {iovec{head.data(), head.size()}, iovec{body.data(), body.size()}};
  Result<HttpExchange> exchange = co_await begin(pieces, deadline, cancel);
  if (!exchange) co_return fail(exchange.error());
  const Result<const ResponseHead*> answered = co_await exchange->read_head(deadline, &cancel);
  if (!answered) co_return fail(answered.error());
  Plain plain;
  plain.status = (*answered)->status;
  plain.session = (*answered)->get(Field::mcp_session_id);
  plain.retry_after = (*answered)->get(Field::retry_after);
  const std::string_view type = (*answered)->get(Field::content_type);
  if (!equals_ignoring_case(type.substr(0, type.find(';')), "text/event-stream")) {
    Result<Bytes> whole = co_await exchange->read_all(options_.message_max, deadline, &cancel);
    if (!whole) co_return fail(whole.error());
    plain.body = std::move(*whole);
    exchange->finish();
    co_return plain;
  }
  SseDecoder decoder(options_.message_max);
  std::string_view unread;
  while (true) {
    const SseDecoder::State state = decoder.next(unread);
    if (state == SseDecoder::State::refused)
      co_return upstream_fault(Error::Kind::too_large, "an event is too large");
    if (state == SseDecoder::State::event) {
      Bytes data = Bytes::copy_of(decoder.event().data);
      const auto message = Message::index(data, JsonLimits(), Message::From::upstream);
      if (!message || !message->is_response()) continue;
      plain.body = std::move(data);
      read_away(std::move(*exchange));
      co_return plain;
    }
    const Result<std::string_view> part = co_await exchange->read_some(deadline, &cancel);
    if (!part) co_return fail(part.error());
    if (part->empty()) break;
    unread = *part;
  }
  exchange->finish();
  co_return plain;
}

Task<Result<Streamable::Plain>> Streamable::ask_to_discover(const std::string& id, TimePoint deadline,
                                                            CancelScope& cancel) {
  std::string body = discover_request(id);
  std::string head = head_start_;
  head += "MCP-Protocol-Version: 2026-07-28\r\nMcp-Method: server/discover\r\nContent-Length: ";
  head += std::to_string(body.size()) + "\r\n\r\n";
  co_return co_await post(std::move(head), std::move(body), deadline, cancel);
}

Task<Result<std::optional<ServerFacts>>> Streamable::check(const Peer& peer, TimePoint deadline,
                                                           CancelScope& cancel) {
  const std::string id = std::to_string(next_id_++);
  const Result<Plain> answered = co_await ask_to_discover(id, deadline, cancel);
  if (!answered) co_return fail(answered.error());
  const int status = answered->status;
  auto message = Message::index(answered->body, JsonLimits(), Message::From::upstream);
  const bool response = message && message->is_response();
  if (response && message->raw_id() == id) {
    // An error is an answer; only one that does not know the method may be of another revision by now.
    if (message->kind() != Message::Kind::result) {
      if (error_code(message->error()) == -32601) co_return std::optional<ServerFacts>();
      co_return std::optional(peer.facts);
    }
    Result<ServerFacts> facts = read_discover(message->result());
    if (!facts) co_return fail(facts.error());
    co_return std::optional(std::move(*facts));
  }
  // What a known server is asked it does not refuse, but for a reason of its own.
  if (status >= 500 || status == 401 || status == 403 || status == 429)
    co_return fail(error_of_status(status, answered->retry_after, Error::Sent::maybe));
  Error error(Error::Kind::upstream_protocol, Error::Side::upstream, Error::Sent::maybe,
              response        ? "it answered another request's id"
              : status != 200 ? "it answered server/discover with HTTP " + std::to_string(status)
                              : "its answer to server/discover is no JSON-RPC response");
  if (response) error.set_wrong_id();
  co_return fail(std::move(error));
}

Task<Result<Probed>> Streamable::discover(TimePoint deadline, CancelScope& cancel) {
  const std::string id = std::to_string(next_id_++);
  const Result<Plain> answered = co_await ask_to_discover(id, deadline, cancel);
  if (!answered) co_return fail(answered.error());
  const std::optional<Message> message = response_in(answered->body, id);
  Probed probed = read_probe(answered->status, message ? &*message : nullptr);
  if (probed.verdict == ProbeVerdict::needs_auth || probed.verdict == ProbeVerdict::no_statement)
    co_return fail(error_of_status(answered->status, answered->retry_after, Error::Sent::no));
  co_return probed;
}

Task<Result<std::shared_ptr<const Peer>>> Streamable::open(const Introduction& as, TimePoint deadline,
                                                           CancelScope& cancel) {
  const std::string id = std::to_string(next_id_++);
  std::string body = initialize_request(id, as);
  std::string head;
  append_old_head(head, nullptr, body.size());
  const Result<Plain> answered = co_await post(std::move(head), std::move(body), deadline, cancel);
  if (!answered) co_return fail(answered.error());
  const std::optional<Message> message = response_in(answered->body, id);
  if (!message || message->kind() != Message::Kind::result) {
    if (answered->status != 200)
      co_return fail(error_of_status(answered->status, answered->retry_after, Error::Sent::no));
    co_return upstream_fault(Error::Kind::upstream_protocol,
                             message ? "it refused server/discover and initialize"
                                     : "it answered initialize without a JSON-RPC response");
  }
  Result<ServerFacts> facts = read_initialize(message->result());
  if (!facts) co_return fail(facts.error());
  auto peer = std::make_shared<Peer>();
  peer->facts = std::move(*facts);
  peer->session = answered->session;
  std::string note(initialized_notification());
  std::string note_head;
  append_old_head(note_head, peer.get(), note.size());
  const Result<Plain> noted = co_await post(std::move(note_head), std::move(note), deadline, cancel);
  if (!noted) co_return fail(noted.error());
  co_return std::shared_ptr<const Peer>(std::move(peer));
}

Task<Result<std::shared_ptr<const Peer>>> Streamable::greet(const Introduction& as, TimePoint deadline,
                                                            CancelScope& cancel) {
  Result<Probed> probed = co_await discover(deadline, cancel);
  if (probed && probed->again) probed = co_await discover(deadline, cancel);
  if (!probed) co_return fail(probed.error());
  if (probed->verdict == ProbeVerdict::legacy) {
    Introduction in_its_revision = as;
    in_its_revision.revision = std::min(as.revision, probed->wanted);
    co_return co_await open(in_its_revision, deadline, cancel);
  }
  if (!probed->facts) co_return fail(probed->facts.error());
  auto peer = std::make_shared<Peer>();
  peer->facts = std::move(*probed->facts);
  co_return std::shared_ptr<const Peer>(std::move(peer));
}

}  // namespace weir
