#include "app/remote.h"

#include "base/json.h"
#include "base/url.h"
#include "http/client.h"
#include "http/sse.h"
#include "runtime/epoll_loop.h"
#include "runtime/nursery.h"

namespace weir {
namespace {

Task<Result<RemoteAnswer>> exchange(Pool& pool, std::string head, const std::string& body,
                                    std::chrono::milliseconds patience) {
  CancelScope never;
  const TimePoint deadline = Shard::current().now() + patience;
  Result<PooledConnection> connection = co_await pool.open(deadline, never);
  if (!connection) co_return fail(connection.error());
  HttpExchange one(std::move(*connection));
  const iovec pieces[2] = {{head.data(), head.size()}, {const_cast<char*>(body.data()), body.size()}};
  const Result<void> sent = co_await one.send(pieces, deadline, &never);
  if (!sent) co_return fail(sent.error());
  const Result<const ResponseHead*> answered = co_await one.read_head(deadline, &never);
  if (!answered) co_return fail(answered.error());
  RemoteAnswer answer;
  answer.status = (*answered)->status;
  const bool stream = (*answered)->get(Field::content_type).starts_with("text/event-stream");
  const Result<Bytes> whole = co_await one.read_all(std::size_t{64} << 20, deadline, &never);
  if (!whole) co_return fail(whole.error());
  answer.body = whole->view();
  if (stream) {
    SseDecoder decoder(answer.body.size() + 1);
    std::string_view rest = whole->view();
    while (decoder.next(rest) == SseDecoder::State::event) answer.body = decoder.event().data;
  }
  co_return answer;
}

Task<void> run(EpollShard& loop, const Origin& origin, const std::string& head, const std::string& body,
               std::chrono::milliseconds patience, Result<RemoteAnswer>& into) {
  {
    Pool pool(loop.shard(), origin, Pool::Options());
    Result<RemoteAnswer> answer = co_await exchange(pool, head, body, patience);
    into = std::move(answer);
  }
  loop.stop();
}

}  // namespace

Result<RemoteAnswer> ask_remote(const std::string& method, const std::string& url,
                                const std::vector<std::pair<std::string, std::string>>& headers,
                                const std::string& body, const RemoteAccess& access,
                                std::chrono::milliseconds patience) {
  std::string reason;
  const std::optional<Url> parsed = parse_url(url, reason);
  if (!parsed)
    return fail(Error::Kind::invalid_request, Error::Side::client, Error::Sent::no, url + ": " + reason);
  std::string head = method + " " + parsed->path + " HTTP/1.1\r\nHost: " + parsed->authority() + "\r\n";
  for (const auto& [name, value] : headers) head += name + ": " + value + "\r\n";
  if (!access.token.empty()) head += "Authorization: Bearer " + access.token + "\r\n";
  head += "Content-Length: " + std::to_string(body.size()) + "\r\n\r\n";
  Result<RemoteAnswer> answer =
      fail(Error::Kind::unreachable, Error::Side::upstream, Error::Sent::no, "nothing came back");
  EpollShard loop(0);
  Nursery nursery;
  Origin origin(parsed->host, parsed->port, parsed->tls, access.cert);
  origin.own_certificate = !access.cert.empty();
  loop.shard().post([&] { nursery.start(run(loop, origin, head, body, patience, answer)); });
  loop.run();
  return answer;
}

bool is_json_object(std::string_view text) {
  JsonCursor cursor(text, JsonLimits(), false);
  const bool object = cursor.peek() == '{';
  cursor.take_value();
  return object && cursor.finish();
}

std::string text_of(const RawMembers& members, std::string_view name) {
  const std::string_view raw = members.find(name);
  return raw.size() >= 2 && raw.front() == '"' ? json_unescape(raw) : std::string(raw);
}

std::vector<std::string_view> elements(std::string_view raw) {
  std::vector<std::string_view> out;
  JsonCursor cursor(raw, JsonLimits(), false);
  if (!raw.empty() && cursor.enter_array())
    while (cursor.next_element()) out.push_back(cursor.take_value());
  return out;
}

}  // namespace weir
