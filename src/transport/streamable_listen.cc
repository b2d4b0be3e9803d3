// An old session beside its calls: the stream of what the server says of its own accord, and the session's
// end. Source: MCP 2025-11-25 basic/transports, "Listening for Messages from the Server", "Session
// Management".
#include <algorithm>

#include "http/sse.h"
#include "mcp/outgoing.h"
#include "runtime/shard.h"
#include "transport/server_requests.h"
#include "transport/streamable.h"

namespace weir {
namespace {

constexpr Duration kEndTime = std::chrono::seconds(5);
constexpr Duration kHeadTime = std::chrono::seconds(30);
constexpr Duration kPingTime = std::chrono::seconds(5);
constexpr Duration kLargeTime = std::chrono::seconds(30);  // for the rest of a large event
constexpr Duration kRetry = std::chrono::seconds(1);
constexpr Duration kRetryMax = std::chrono::seconds(30);

void append_line(std::string& out, std::string_view name, std::string_view value) {
  out.append(name).append(": ").append(value).append("\r\n");
}

}  // namespace

std::string Streamable::bare_head(std::string_view method, const Peer& peer) const {
  std::string out(method);
  out += ' ' + options_.path + " HTTP/1.1\r\n";
  append_line(out, "Host", options_.host);
  for (const auto& [name, value] : options_.headers) append_line(out, name, value);
  append_line(out, "MCP-Protocol-Version", to_string(peer.facts.revision));
  if (!peer.session.empty()) append_line(out, "Mcp-Session-Id", peer.session);
  return out;
}

void Streamable::end(const Peer& peer) {
  if (closing_.cancelled() || peer.session.empty()) return;
  std::string head = bare_head("DELETE", peer);
  head += "\r\n";
  farewells_.start(end_task(std::move(head)));
}

Task<void> Streamable::end_task(std::string head) {
  const Result<Plain> answered = co_await post(std::move(head), {}, shard_.now() + kEndTime, hurry_);
  (void)answered.has_value();  // a server may refuse to end it, and nothing follows from that
}

Task<void> Streamable::listen(std::shared_ptr<const Peer> peer, const StrayMessage& stray,
                              std::function<void()> begun, CancelScope& cancel) {
  if (peer->session.empty()) co_return;
  bool stood = false;
  std::string last_id;
  Duration retry = kRetry;
  Duration pause = kRetry;
  while (!cancel.cancelled() && !closing_.cancelled() && !peer->lost) {
    const TimePoint since = shard_.now();
    const bool offered = co_await listen_once(*peer, stray, begun, stood, last_id, retry, cancel);
    if (!offered) co_return;
    // A stream that ends at once is asked for less and less often.
    pause = shard_.now() - since > kRetryMax ? retry : std::min(std::max(retry, pause * 2), kRetryMax);
    co_await Sleep(shard_.now() + pause, &cancel);
  }
}

// Asks in the session itself, as a call would find out. Some answer 404 for a method that they do not know.
Task<bool> Streamable::has_forgotten(const Peer& peer, CancelScope& cancel) {
  const std::string id = std::to_string(next_id_++);
  std::string body = ping_request(id);
  std::string head;
  append_old_head(head, &peer, body.size());
  const Result<Plain> answered =
      co_await post(std::move(head), std::move(body), shard_.now() + kPingTime, cancel);
  if (!answered) co_return false;
  const auto message = Message::index(answered->body, JsonLimits(), Message::From::upstream);
  const bool ours = message && message->is_response() && message->raw_id() == id;
  const bool understood =
      ours && (message->kind() == Message::Kind::result || error_code(message->error()) == -32601);
  co_return !understood && (answered->status == 404 || (answered->status == 400 && !ours));
}

// One stream to its end. False: the server has none.
Task<bool> Streamable::listen_once(const Peer& peer, const StrayMessage& stray,
                                   const std::function<void()>& begun, bool& stood, std::string& last_id,
                                   Duration& retry, CancelScope& cancel) {
  std::string head = bare_head("GET", peer);
  append_line(head, "Accept", "text/event-stream");
  append_line(head, "Accept-Encoding", "identity");
  if (!last_id.empty()) append_line(head, "Last-Event-ID", last_id);
  head += "\r\n";
  const iovec piece{head.data(), head.size()};
  const TimePoint deadline = shard_.now() + kHeadTime;
  Result<HttpExchange> exchange = co_await begin(std::span<const iovec>(&piece, 1), deadline, cancel);
  if (!exchange) co_return true;
  const Result<const ResponseHead*> answered = co_await exchange->read_head(deadline, &cancel);
  if (!answered) co_return true;
  const int status = (*answered)->status;
  // Some answer 400 for a session that they have forgotten. Where there never was a stream, both may say as
  // well that none is offered: many servers have no route for GET.
  if (status == 404 || status == 400) {
    bool forgotten = stood;
    if (!stood) forgotten = co_await has_forgotten(peer, cancel);
    if (forgotten) peer.lost = true;
  }
  if (status != 200) co_return status >= 500 || status == 429 || status == 409;
  const std::string_view type = (*answered)->get(Field::content_type);
  if (!equals_ignoring_case(type.substr(0, type.find(';')), "text/event-stream")) co_return false;
  stood = true;
  if (begun) begun();
  SseDecoder decoder(options_.message_max, SseDecoder::Overlong::skip);
  decoder.go_on_behind(last_id);
  std::string_view unread;
  BufferBudget::Lease room;  // of a large event, while it comes
  TimePoint whole_by = kForever;
  while (true) {
    const SseDecoder::State state = decoder.next(unread);
    if (state == SseDecoder::State::event) {
      auto message =
          Message::index(Bytes::copy_of(decoder.event().data), JsonLimits(), Message::From::upstream);
      // What can't be answered now comes again: the stream is gone on with from before it.
      if (message && message->is_request() && tells_too_much(peer)) co_return true;
      if (last_id != decoder.last_id()) last_id = decoder.last_id();
      if (!message || message->is_response()) continue;
      std::shared_ptr<ServerLink> asker = message->is_request() ? link_to(peer) : nullptr;
      if (asker && message->method() == "ping")
        asker->send(own_answer(*message));
      else
        stray(std::move(*message), std::move(asker));
      continue;
    }
    if (last_id != decoder.last_id()) last_id = decoder.last_id();
    if (state == SseDecoder::State::overlong) continue;  // what is behind it is worth more than the rest
    if (!decoder.within_event() || decoder.held() < BufferBudget::kCountedMin) {
      room = BufferBudget::Lease();
      whole_by = kForever;
    } else {
      if (whole_by == kForever) {
        whole_by = shard_.now() + kLargeTime;
        room = BufferBudget::Lease(&stray_budget(), options_.host);
      }
      // It is asked for again after a while, and may be told again.
      if (!room.grow_to(decoder.held())) break;
    }
    const Result<std::string_view> part = co_await exchange->read_some(whole_by, &cancel);
    if (!part || part->empty()) break;
    unread = *part;
  }
  if (const auto wait = decoder.retry_ms())
    retry = std::min<Duration>(std::chrono::milliseconds(*wait), kRetryMax);
  co_return true;
}

}  // namespace weir
