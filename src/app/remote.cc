#include "app/remote.h"

#include "base/url.h"
#include "http/client.h"
#include "http/sse.h"
#include "runtime/epoll_loop.h"
#include "runtime/nursery.h"

namespace weir {
namespace {

Task<Result<RemoteAnswer>> exchange(Pool& pool, std::string head, const std::string& body) {
  CancelScope never;
  const TimePoint deadline = Shard::current().now() + std::chrono::seconds(30);
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
               Result<RemoteAnswer>& into) {
  {
    Pool pool(loop.shard(), origin, Pool::Options());
    Result<RemoteAnswer> answer = co_await exchange(pool, head, body);
    into = std::move(answer);
  }
  loop.stop();
}

}  // namespace

Result<RemoteAnswer> ask_remote(const std::string& method, const std::string& url,
                                const std::vector<std::pair<std::string, std::string>>& headers,
                                const std::string& body) {
  std::string reason;
  const std::optional<Url> parsed = parse_url(url, reason);
  if (!parsed)
    return fail(Error::Kind::invalid_request, Error::Side::client, Error::Sent::no, url + ": " + reason);
  std::string head = method + " " + parsed->path + " HTTP/1.1\r\nHost: " + parsed->authority() + "\r\n";
  for (const auto& [name, value] : headers) head += name + ": " + value + "\r\n";
  head += "Content-Length: " + std::to_string(body.size()) + "\r\n\r\n";
  Result<RemoteAnswer> answer =
      fail(Error::Kind::unreachable, Error::Side::upstream, Error::Sent::no, "nothing came back");
  EpollShard loop(0);
  Nursery nursery;
  const Origin origin(parsed->host, parsed->port, parsed->tls, {});
  loop.shard().post([&] { nursery.start(run(loop, origin, head, body, answer)); });
  loop.run();
  return answer;
}

}  // namespace weir
