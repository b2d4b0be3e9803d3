#include "transport/streamable.h"

#include <algorithm>
#include <charconv>

#include "base/text_writer.h"
#include "http/sse.h"
#include "mcp/fault_map.h"
#include "mcp/header_value.h"
#include "runtime/shard.h"
#include "transport/outgoing_call.h"
#include "transport/server_requests.h"
#include "transport/streamable_large.h"
#include "transport/streamable_late.h"
#include "transport/streamable_reply.h"

namespace weir {
namespace {

constexpr Duration kAsideTime = std::chrono::seconds(5);
constexpr std::size_t kTellersMax = 32;   // messages under way that nobody waits for
constexpr std::size_t kAsidesMax = 1024;  // of these that wait
constexpr std::size_t kAsideBytesMax = 16 * 1024 * 1024;
constexpr Duration kFarewellTime = std::chrono::seconds(1);  // for what is under way when all is let go

auto upstream_fault(Error::Kind kind, std::string detail) {
  return fail(kind, Error::Side::upstream, Error::Sent::maybe, std::move(detail));
}

void append_line(std::string& out, std::string_view name, std::string_view value) {
  out.append(name).append(": ").append(value).append("\r\n");
}

void append_length(std::string& out, std::size_t size) {
  char digits[20];
  const auto end = std::to_chars(digits, digits + sizeof digits, size).ptr;
  out.append("Content-Length: ").append(digits, end).append("\r\n\r\n");
}

bool is_event_stream(const Head& head) {
  const std::string_view type = head.get(Field::content_type);
  if (type == "application/json") return false;
  return equals_ignoring_case(type.substr(0, type.find(';')), "text/event-stream");
}

}  // namespace

Error error_of_status(int status, std::string_view retry_after, Error::Sent sent) {
  using Kind = Error::Kind;
  const std::string answered = "it answered HTTP " + std::to_string(status);
  if (status == 401) return Error(Kind::needs_authorization, Error::Side::upstream, sent, answered);
  if (status == 403) return Error(Kind::needs_authorization, Error::Side::upstream, sent, answered);
  if (status == 429 || status == 503) {
    Error error(Kind::overloaded, Error::Side::upstream, sent, answered);
    unsigned seconds = 0;
    std::from_chars(retry_after.data(), retry_after.data() + retry_after.size(), seconds);
    if (seconds != 0 && seconds < 86400) error.set_retry_after(std::chrono::seconds(seconds));
    return error;
  }
  if (status >= 300 && status < 400)
    return Error(Kind::upstream_protocol, Error::Side::upstream, sent,
                 answered + ": redirects are not followed");
  return Error(Kind::upstream_protocol, Error::Side::upstream, sent, answered);
}

Streamable::Streamable(Shard& shard, StreamableOptions options)
    : shard_(shard), options_(std::move(options)), pool_(shard, options_.origin, Pool::Options()) {
  head_start_ = "POST " + options_.path + " HTTP/1.1\r\n";
  append_line(head_start_, "Host", options_.host);
  append_line(head_start_, "Content-Type", "application/json");
  append_line(head_start_, "Accept", "application/json, text/event-stream");
  append_line(head_start_, "Accept-Encoding", "identity");
  for (const auto& [name, value] : options_.headers) append_line(head_start_, name, value);
}

Streamable::~Streamable() { *self_ = nullptr; }

/// Answers go to the session that asked, each as a POST of its own.
class Streamable::Link final : public ServerLink {
 public:
  Link(std::shared_ptr<Streamable*> to, std::shared_ptr<const Peer> peer)
      : to_(std::move(to)), peer_(std::move(peer)) {}
  void send(std::string message) override {
    if (*to_ != nullptr) (*to_)->tell(*peer_, std::move(message));
  }

 private:
  std::shared_ptr<Streamable*> to_;
  std::shared_ptr<const Peer> peer_;
};

std::shared_ptr<ServerLink> Streamable::link_to(const Peer& peer) {
  return std::make_shared<Link>(self_, peer.shared_from_this());
}

std::string Streamable::describe() const { return "streamable http " + options_.host + options_.path; }

Task<void> Streamable::close() {
  closing_.cancel();
  co_await aside_.join();
  const TimePoint until = shard_.now() + kFarewellTime;
  while (farewells_.running() != 0 && shard_.now() < until)
    co_await Sleep(shard_.now() + std::chrono::milliseconds(5), nullptr);
  hurry_.cancel();
  co_await farewells_.join();
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

// Sends a request over a connection that rests, or a new one.
Task<Result<HttpExchange>> Streamable::begin(std::span<const iovec> pieces, TimePoint deadline,
                                             CancelScope& cancel) {
  // A resting connection that the server has closed fails before a byte is taken: the next one is tried.
  while (true) {
    PooledConnection connection = pool_.take_idle();
    const bool fresh = !connection;
    if (fresh) {
      const TimePoint connect_by = std::min(deadline, shard_.now() + options_.connect_time);
      Result<PooledConnection> opened = co_await pool_.open(connect_by, cancel);
      if (!opened) {
        Error error = opened.error();
        // Not the call's own deadline but the connection's: the server is not there.
        if (error.kind() == Error::Kind::deadline_exceeded && connect_by < deadline)
          co_return fail(Error::Kind::unreachable, Error::Side::upstream, Error::Sent::no,
                         "connecting took too long");
        co_return fail(std::move(error));
      }
      connection = std::move(*opened);
    }
    HttpExchange exchange(std::move(connection));
    Result<void> sent = co_await exchange.send(pieces, deadline, &cancel);
    if (sent) co_return exchange;
    if (fresh || sent.error().sent() != Error::Sent::no || sent.error().kind() != Error::Kind::unreachable)
      co_return fail(sent.error());
  }
}

Task<Result<Reply>> Streamable::call(Call& call) {
  const std::string id = std::to_string(next_id_++);
  std::size_t size = 0;
  const Buffer wire = write_call(call, id, size);
  const iovec piece{wire.data(), size};
  const std::span<const iovec> pieces(&piece, 1);
  Error failed;
  for (int attempt = 0; attempt < 2; ++attempt) {
    // The usual call finds a resting connection and room in its socket: no wait before the answer.
    HttpExchange exchange(attempt == 0 ? pool_.take_idle() : PooledConnection());
    if (!exchange.connected() || !exchange.send_now(Bytes(wire, std::string_view(wire.data(), size)))) {
      Result<HttpExchange> begun = co_await begin(pieces, call.deadline, call.cancel);
      if (!begun) {
        failed = begun.error();
        break;
      }
      exchange = std::move(*begun);
    }
    std::string refusal;
    HeadState state = exchange.parse_head(refusal);
    Result<void> good;
    // Not in a session: whether that is known any more is seen by the head, and the call then made anew.
    const TimePoint late =
        call.peer->session.empty() ? std::min(call.first_by, call.deadline) : call.deadline;
    while (state == HeadState::more && good) {
      const Result<std::size_t> got = co_await exchange.fill(late, &call.cancel);
      if (!got && got.error().kind() == Error::Kind::deadline_exceeded && late < call.deadline) {
        Reply reply;
        reply.rest = std::make_unique<StreamableLate>(*this, call, id, std::move(exchange));
        co_return reply;
      }
      good = exchange.filled(got);
      if (good) state = exchange.parse_head(refusal);
    }
    if (!good) {
      failed = good.error();
      // A resting connection closed while the request was under way: what it never saw is sent again, what
      // only reads is asked once more.
      const bool stale = exchange.reused() && !exchange.answered();
      const bool cut = failed.kind() == Error::Kind::outcome_unknown;
      const bool unsent = failed.kind() == Error::Kind::unreachable && failed.sent() == Error::Sent::no;
      if (stale && (unsent || (cut && call.row.safe_to_repeat))) continue;
      break;
    }
    const ResponseHead& head = exchange.head();
    if (state == HeadState::done && !head.get(Field::content_encoding).empty()) refusal = fault_of(head);
    if (!refusal.empty()) {
      failed = Error(Error::Kind::upstream_protocol, Error::Side::upstream, Error::Sent::maybe, refusal);
      break;
    }
    Bytes whole;
    if (head.status == 200 && !is_event_stream(head) && exchange.take_whole(options_.message_max, whole)) {
      Result<Reply> reply = read_body(call, id, 200, {}, std::move(whole));
      if (reply) {
        exchange.finish();  // else the next answer may be another's, too
        co_return reply;
      }
      failed = reply.error();
      break;
    }
    const std::uint64_t length = head.content_length().value_or(0);
    if (head.status == 200 && !is_event_stream(head) && length >= StreamableLarge::kLargeMin &&
        length <= options_.message_max && StreamableLarge::may_pass(call)) {
      while (good && exchange.pending().size() < StreamableLarge::kHeadMin)
        good = exchange.filled(co_await exchange.fill(call.deadline, &call.cancel));
      if (!good) {
        failed = good.error();
        break;
      }
      const StreamableLarge::Place place = StreamableLarge::place_of(
          exchange.pending(), id, call.takes_requests && is_new(call.peer->facts.revision));
      if (place != StreamableLarge::Place::whole)
        co_return large_reply(call, id, place,
                              std::make_unique<LargeJson>(std::move(exchange), call.deadline, call.cancel));
    }
    const bool streamed = head.status == 200 && is_event_stream(head);
    Result<Reply> reply = co_await read_reply(call, id, std::move(exchange));
    if (reply || streamed) co_return reply;  // a stream that is left tells the server itself
    failed = reply.error();
    break;
  }
  given_up(call, id, failed);
  co_return fail(std::move(failed));
}

// Why an answer with this head can't be read; mostly empty.
std::string Streamable::fault_of(const ResponseHead& head) {
  const std::string_view coding = head.get(Field::content_encoding);
  if (coding.empty() || equals_ignoring_case(coding, "identity")) return {};
  return "it answered in the coding " + std::string(coding.substr(0, 32)) +
         ", though only identity was accepted";
}

// An old server is told when nobody waits any more; a new one sees the connection close.
void Streamable::given_up(const Call& call, const std::string& id, const Error& error) {
  const bool ours = error.kind() == Error::Kind::cancelled || error.kind() == Error::Kind::deadline_exceeded;
  if (ours && error.sent() == Error::Sent::maybe && !is_new(call.peer->facts.revision))
    tell(*call.peer, cancelled_notification(id));
}

Reply Streamable::large_reply(const Call& call, const std::string& id, StreamableLarge::Place place,
                              std::unique_ptr<LargeBody> body) {
  Reply reply;
  reply.first.last = true;
  reply.large = std::make_unique<StreamableLarge>(std::move(body), place, id, call.message.raw_id());
  return reply;
}

Task<Result<Reply>> Streamable::read_reply(Call& call, const std::string& id, HttpExchange exchange) {
  const ResponseHead& head = exchange.head();
  if (head.status == 200 && is_event_stream(head)) {
    auto rest = std::make_unique<StreamableReply>(*this, call, id, std::move(exchange));
    Result<ReplyEvent> first = co_await rest->next(call.first_by);
    if (!first) co_return fail(first.error());
    if (std::unique_ptr<LargeBody> large = rest->take_large())
      co_return large_reply(call, id, rest->large_place(), std::move(large));
    Reply reply(std::move(*first));
    if (!reply.first.last) reply.rest = std::move(rest);
    co_return reply;
  }
  co_return co_await read_json(call, id, exchange, head.status);
}

Task<Result<Reply>> Streamable::read_json(Call& call, const std::string& id, HttpExchange& exchange,
                                          int status) {
  const std::string retry_after(exchange.head().get(Field::retry_after));
  Result<Bytes> body = co_await exchange.read_all(options_.message_max, call.deadline, &call.cancel);
  if (!body) co_return fail(body.error());
  Result<Reply> reply = read_body(call, id, status, retry_after, std::move(*body));
  if (reply || status != 200) exchange.finish();
  co_return reply;
}

// What a whole body says: the response, or why it is none.
Result<Reply> Streamable::read_body(Call& call, const std::string& id, int status,
                                    const std::string& retry_after, Bytes body) {
  const bool nothing = body.view().empty() && status < 300;
  auto message = Message::index_owned(std::move(body), JsonLimits(), Message::From::upstream);
  const bool response = message && (*message)->is_response();
  const bool ours = response && (*message)->raw_id() == id;
  // A session that it has forgotten: 404 by the specification, 400 by some; then it has not run the call.
  const bool in_session = !is_new(call.peer->facts.revision) && !call.peer->session.empty();
  if (in_session && (status == 404 || (status == 400 && !ours))) {
    call.peer->lost = true;
    return fail(Error::Kind::unreachable, Error::Side::upstream, Error::Sent::no,
                "the server has ended its session");
  }
  if (ours && status != 401) return Reply(ReplyEvent(std::move(*message), true));
  // A refusal before the request was understood carries no id; it is this call's all the same.
  if (response && (*message)->kind() == Message::Kind::error && (*message)->raw_id() == "null" &&
      status >= 400 && status < 500 && status != 401 && status != 429)
    return Reply(ReplyEvent(std::move(*message), true));
  if (nothing)
    return upstream_fault(Error::Kind::upstream_protocol,
                          "it answered a request with nothing (HTTP " + std::to_string(status) + ")");
  if (status != 200) return fail(error_of_status(status, retry_after, Error::Sent::maybe));
  if (response) return upstream_fault(Error::Kind::upstream_protocol, "it answered another request's id");
  return upstream_fault(Error::Kind::upstream_protocol,
                        "its answer is no JSON-RPC response: " +
                            (message ? std::string("a request came instead") : message.error().reason));
}

void Streamable::tell(const Peer& peer, std::string message) {
  if (closing_.cancelled() || tells_too_much()) return;
  Aside one;
  append_old_head(one.head, &peer, message.size());
  one.message = std::move(message);
  aside_bytes_ += one.message.size();
  asides_.push_back(std::move(one));
  if (tellers_ < kTellersMax) aside_.start(tell_all());
}

bool Streamable::tells_too_much() const noexcept {
  return asides_.size() >= kAsidesMax || aside_bytes_ >= kAsideBytesMax;
}

Task<void> Streamable::tell_all() {
  ++tellers_;
  while (!asides_.empty() && !closing_.cancelled()) {
    Aside one = std::move(asides_.front());
    asides_.pop_front();
    aside_bytes_ -= one.message.size();
    const Result<Plain> answered =
        co_await post(std::move(one.head), std::move(one.message), shard_.now() + kAsideTime, closing_);
    (void)answered.has_value();  // a notification has no answer, and its failure no remedy
  }
  --tellers_;
}

namespace {
Task<void> drain(HttpExchange exchange, TimePoint deadline, CancelScope& cancel) {
  std::size_t seen = 0;
  while (seen < 65536) {
    const Result<std::string_view> part = co_await exchange.read_some(deadline, &cancel);
    if (!part) co_return;
    if (part->empty()) break;
    seen += part->size();
  }
  exchange.finish();
}
}  // namespace

void Streamable::read_away(HttpExchange exchange) {
  if (closing_.cancelled()) return;
  aside_.start(drain(std::move(exchange), shard_.now() + std::chrono::seconds(1), closing_));
}

}  // namespace weir
