// How a server over HTTP+SSE is met: its stream is opened, says where to post, and `initialize` is said
// there.
#include <algorithm>

#include "mcp/outgoing.h"
#include "transport/legacy_sse.h"

namespace weir {
namespace {

auto upstream_fault(Error::Kind kind, std::string detail) {
  return fail(kind, Error::Side::upstream, Error::Sent::no, std::move(detail));
}

}  // namespace

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

// Opens the stream and learns where to post.
Task<Result<void>> LegacySse::open_life(Life& life, TimePoint deadline, CancelScope& cancel) {
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
  life.talk = std::make_shared<Conversation>(*life.posts, options_.http.message_max, hooks_.stray);
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

Task<Result<std::shared_ptr<const Peer>>> LegacySse::shake_hands(Life& life, const Introduction& as,
                                                                 TimePoint deadline, CancelScope& cancel) {
  const std::string id = std::to_string(next_id_++);
  Conversation::Pending pending;
  life.talk->expect(id, pending);
  life.posts->put(initialize_request(id, as), id);
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

}  // namespace weir
