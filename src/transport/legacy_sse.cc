#include "transport/legacy_sse.h"

#include <algorithm>

#include "mcp/outgoing.h"

namespace weir {
namespace {

auto upstream_fault(Error::Kind kind, std::string detail) {
  return fail(kind, Error::Side::upstream, Error::Sent::no, std::move(detail));
}

}  // namespace

/// One event stream and the session that it is.
struct LegacySse::Life {
  explicit Life(std::size_t message_max) : decoder(message_max, SseDecoder::Overlong::skip) {}

  CancelScope stop;
  std::optional<HttpExchange> stream;
  SseDecoder decoder;
  std::string_view unread;  // of what came last
  std::unique_ptr<LegacySsePosts> posts;
  std::shared_ptr<Conversation> talk;
  std::shared_ptr<const Peer> peer;
  bool dead = false;
  Nursery fibers;
};

LegacySse::LegacySse(Shard& shard, LegacySseOptions options, std::function<void()> lost)
    : shard_(shard),
      options_(std::move(options)),
      lost_(std::move(lost)),
      pool_(shard, options_.http.origin, Pool::Options()) {}

LegacySse::~LegacySse() = default;

Task<Result<Reply>> LegacySse::call(Call& call) {
  if (!life_ || life_->dead || life_->peer.get() != call.peer) {
    call.peer->lost = true;
    co_return upstream_fault(Error::Kind::unreachable, "its event stream has gone");
  }
  const std::string id = std::to_string(next_id_++);
  co_return co_await life_->talk->call(call, id);
}

// A line for the log, within its quota.
void LegacySse::note(std::string_view line) {
  if (!options_.wrote || !quota_.admit(shard_.now())) return;
  if (const std::uint64_t dropped = quota_.take_dropped(); dropped != 0)
    options_.wrote(std::to_string(dropped) + " lines were left out: it sends too many");
  options_.wrote(line);
}

std::string LegacySse::head_of(std::string_view line, std::string_view accept) const {
  std::string head(line);
  head.append(" HTTP/1.1\r\nHost: ").append(options_.http.host).append("\r\nAccept: ").append(accept);
  head.append("\r\nAccept-Encoding: identity\r\n");
  for (const auto& [name, value] : options_.http.headers)
    head.append(name).append(": ").append(value).append("\r\n");
  return head;
}

// Where the messages go. Never to another origin: they carry the credentials that are meant for this one.
Result<std::string> LegacySse::post_path(std::string_view endpoint) const {
  Url base;
  base.tls = options_.http.origin.tls;
  base.host = options_.http.origin.host;
  base.port = options_.http.origin.port;
  base.path = options_.http.path;
  std::string reason;
  const std::optional<Url> url = resolve_url(base, endpoint, reason);
  if (!url) return upstream_fault(Error::Kind::upstream_protocol, "its endpoint is no URL: " + reason);
  if (!same_origin(base, *url))
    return upstream_fault(Error::Kind::upstream_protocol, std::string("its endpoint is of another origin: ") +
                                                              (url->tls ? "https://" : "http://") +
                                                              url->authority());
  return url->path;
}

// The next event, or one that was too large.
Task<Result<SseDecoder::State>> LegacySse::next(Life& life, TimePoint deadline, CancelScope& cancel) {
  while (true) {
    const SseDecoder::State state = life.decoder.next(life.unread);
    if (state != SseDecoder::State::more) co_return state;
    const Result<std::string_view> part = co_await life.stream->read_some(deadline, &cancel);
    if (!part) co_return fail(part.error());
    if (part->empty()) co_return upstream_fault(Error::Kind::unreachable, "its event stream ended");
    life.unread = *part;
  }
}

// Opens the stream and learns where to post.
Task<Result<void>> LegacySse::open(Life& life, TimePoint deadline, CancelScope& cancel) {
  const TimePoint connect_by = std::min(deadline, shard_.now() + options_.http.connect_time);
  Result<PooledConnection> connection = co_await pool_.open(connect_by, cancel);
  if (!connection && connection.error().kind() == Error::Kind::deadline_exceeded)
    co_return upstream_fault(Error::Kind::unreachable, "connecting took too long");
  if (!connection) co_return fail(connection.error());
  life.stream.emplace(std::move(*connection));
  const TimePoint until = std::min(deadline, shard_.now() + options_.endpoint_time);
  Result<void> good = co_await check_head(life, until, cancel);
  while (good) {
    const Result<SseDecoder::State> state = co_await next(life, until, cancel);
    if (!state) good = fail(state.error());
    if (state && *state == SseDecoder::State::event && life.decoder.event().type == "endpoint") break;
  }
  if (!good && good.error().kind() == Error::Kind::deadline_exceeded)
    co_return upstream_fault(Error::Kind::deadline_exceeded, "its event stream names no endpoint to post to");
  if (!good) co_return good;
  const Result<std::string> path = post_path(life.decoder.event().data);
  if (!path) co_return fail(path.error());
  std::string head = head_of("POST " + *path, "application/json, text/event-stream");
  head += "Content-Type: application/json\r\n";
  life.posts =
      std::make_unique<LegacySsePosts>(shard_, pool_, std::move(head), options_.http.connect_time, life.stop);
  life.talk = std::make_shared<Conversation>(*life.posts, options_.http.message_max, nullptr);
  life.posts->attach(*life.talk, [this, &life] { lose(life, "the server has ended its session"); });
  co_return Result<void>();
}

// The answer to the GET, up to its events.
Task<Result<void>> LegacySse::check_head(Life& life, TimePoint deadline, CancelScope& cancel) {
  std::string text = head_of("GET " + options_.http.path, "text/event-stream");
  text += "Cache-Control: no-cache\r\n\r\n";
  const iovec piece{text.data(), text.size()};
  const Result<void> sent = co_await life.stream->send(std::span(&piece, 1), deadline, &cancel);
  if (!sent) co_return fail(sent.error());
  const Result<const ResponseHead*> head = co_await life.stream->read_head(deadline, &cancel);
  if (!head) co_return fail(head.error());
  const int status = (*head)->status;
  if (status != 200) {
    Error error = error_of_status(status, (*head)->get(Field::retry_after), Error::Sent::no);
    if (status == 400 || status == 404 || status == 405)
      error = Error(error.kind(), error.side(), error.sent(),
                    error.detail() + " to the GET: a server of Streamable HTTP is of type http, not sse");
    co_return fail(std::move(error));
  }
  const std::string_view type = (*head)->get(Field::content_type);
  if (!equals_ignoring_case(type.substr(0, type.find_first_of("; \t")), "text/event-stream"))
    co_return upstream_fault(Error::Kind::upstream_protocol, "it answered the GET with no event stream");
  const std::string_view coding = (*head)->get(Field::content_encoding);
  if (!coding.empty() && !equals_ignoring_case(coding, "identity"))
    co_return upstream_fault(Error::Kind::upstream_protocol,
                             "its event stream is encoded, though only identity was accepted");
  co_return Result<void>();
}

// One event of the stream.
void LegacySse::take(Life& life) {
  const SseEvent& event = life.decoder.event();
  if (!event.type.empty() && event.type != "message") return;
  auto message = Message::index(Bytes::copy_of(event.data), JsonLimits(), Message::From::upstream);
  if (message) return life.talk->take(std::move(*message));
  note("sent an event that is no JSON-RPC message: " + message.error().reason);
  life.talk->take_broken(message.error());
}

// For the life of the stream. It may be silent for as long as it likes.
Task<void> LegacySse::read(Life& life) {
  std::string how;
  while (how.empty()) {
    const Result<SseDecoder::State> state = co_await next(life, kForever, life.stop);
    if (!state) {
      how = state.error().kind() == Error::Kind::upstream_protocol ? state.error().detail()
                                                                   : "its event stream ended";
    } else if (*state == SseDecoder::State::event) {
      take(life);
    } else {
      note("sent an event larger than limits.message; it is left out");
      life.talk->take_overlong(life.decoder.overlong_begin());
    }
  }
  life.stream.reset();
  lose(life, how);
}

// The session is over: all its calls end, and the next greeting begins another.
void LegacySse::lose(Life& life, std::string_view how) {
  if (std::exchange(life.dead, true)) return;
  if (life.peer) life.peer->lost = true;
  if (life.posts) {
    life.posts->stop(how);
    life.talk->end(how);
  }
  life.stop.cancel();
  if (life.peer) lost_();
}

Task<void> LegacySse::end_life() {
  if (!life_) co_return;
  lose(*life_, "it is stopped");
  if (life_->posts) co_await life_->posts->join();
  co_await life_->fibers.join();
  life_.reset();
}

Task<Result<std::shared_ptr<const Peer>>> LegacySse::shake_hands(Life& life, TimePoint deadline,
                                                                 CancelScope& cancel) {
  const std::string id = std::to_string(next_id_++);
  Conversation::Pending pending;
  life.talk->expect(id, pending);
  life.posts->put(initialize_request(id), id);
  Result<Message> answer = co_await life.talk->next_event(pending, deadline, cancel);
  while (answer && !answer->is_response()) answer = co_await life.talk->next_event(pending, deadline, cancel);
  life.talk->forget(id, false);
  if (!answer && answer.error().kind() == Error::Kind::deadline_exceeded)
    co_return upstream_fault(Error::Kind::deadline_exceeded, "it did not answer initialize");
  if (!answer) co_return fail(answer.error());
  if (answer->kind() != Message::Kind::result)
    co_return upstream_fault(Error::Kind::upstream_protocol, "it refused initialize");
  Result<ServerFacts> facts = read_initialize(answer->result());
  if (!facts) co_return fail(facts.error());
  if (facts->revision > Revision::v2025_03_26)
    life.posts->add_field("MCP-Protocol-Version", to_string(facts->revision));
  // Calls would overtake it otherwise.
  const Result<void> noted = co_await life.posts->say(initialized_notification());
  if (!noted) co_return fail(noted.error());
  auto peer = std::make_shared<Peer>();
  peer->facts = std::move(*facts);
  co_return std::shared_ptr<const Peer>(std::move(peer));
}

Task<Result<std::shared_ptr<const Peer>>> LegacySse::greet(TimePoint deadline, CancelScope& cancel) {
  co_await end_life();
  life_ = std::make_unique<Life>(options_.http.message_max);
  Life& life = *life_;
  Result<std::shared_ptr<const Peer>> peer;
  const Result<void> opened = co_await open(life, deadline, cancel);
  if (opened) {
    const ScopeLink link(cancel, life.stop);
    life.fibers.start(read(life));
    peer = co_await shake_hands(life, deadline, cancel);
  } else {
    peer = fail(opened.error());
  }
  if (peer && !life.dead) {
    life.peer = *peer;
    co_return peer;
  }
  if (peer) peer = upstream_fault(Error::Kind::unreachable, "its event stream ended");
  co_await end_life();
  co_return peer;
}

}  // namespace weir
