#include "transport/plain_probe.h"

#include <algorithm>

#include "http/client.h"

namespace weir {
namespace {

constexpr std::size_t kBodyMax = 64 * 1024;

}  // namespace

PlainProbe::PlainProbe(Shard& shard, const StreamableOptions& server)
    : host_(server.host), pool_(shard, server.origin, Pool::Options()) {}

Task<Result<void>> PlainProbe::connect(TimePoint deadline, CancelScope& cancel) {
  const Result<PooledConnection> opened = co_await pool_.open(deadline, cancel);
  if (!opened) co_return fail(opened.error());
  co_return Result<void>();
}

// Over a connection that rests, or a new one where the server has closed it meanwhile.
Task<Result<HttpExchange>> PlainProbe::ask(const std::string& request, TimePoint deadline,
                                           CancelScope& cancel) {
  while (true) {
    PooledConnection connection = pool_.take_idle();
    const bool fresh = !connection;
    if (fresh) {
      Result<PooledConnection> opened = co_await pool_.open(deadline, cancel);
      if (!opened) co_return fail(opened.error());
      connection = std::move(*opened);
    }
    HttpExchange exchange(std::move(connection));
    const iovec piece{const_cast<char*>(request.data()), request.size()};
    const Result<void> sent = co_await exchange.send(std::span(&piece, 1), deadline, &cancel);
    if (!sent && fresh) co_return fail(sent.error());
    if (!sent) continue;
    const Result<const ResponseHead*> head = co_await exchange.read_head(deadline, &cancel);
    if (head) co_return exchange;
    const bool closed = head.error().kind() == Error::Kind::outcome_unknown && !exchange.answered();
    if (fresh || !closed) co_return fail(head.error());
  }
}

Task<Result<void>> PlainProbe::get(const std::string& path, const std::vector<std::size_t>& expected,
                                   TimePoint deadline, CancelScope& cancel) {
  const std::string request =
      "GET " + path + " HTTP/1.1\r\nHost: " + host_ + "\r\nUser-Agent: weir\r\nAccept: */*\r\n\r\n";
  Result<HttpExchange> exchange = co_await ask(request, deadline, cancel);
  if (!exchange) co_return fail(exchange.error());
  const int status = exchange->head().status;
  const Result<Bytes> body = co_await exchange->read_all(kBodyMax, deadline, &cancel);
  if (!body && body.error().kind() != Error::Kind::too_large) co_return fail(body.error());
  exchange->finish();
  if (std::find(expected.begin(), expected.end(), static_cast<std::size_t>(status)) != expected.end())
    co_return Result<void>();
  co_return fail(Error::Kind::upstream_protocol, Error::Side::upstream, Error::Sent::maybe,
                 "it answered " + path + " with HTTP " + std::to_string(status));
}

}  // namespace weir
