#include "http/connector.h"

#include <algorithm>
#include <chrono>
#include <utility>

#include "runtime/shard.h"

namespace weir {
namespace {

// An address that does not answer must leave time for the next one.
constexpr auto kShareMin = std::chrono::milliseconds(250);

TimePoint share_of(TimePoint deadline, TimePoint now, std::size_t addresses_left) {
  if (deadline == kForever || addresses_left <= 1 || deadline <= now) return deadline;
  const Duration share = (deadline - now) / static_cast<Duration::rep>(addresses_left);
  return std::min(deadline, now + std::max<Duration>(share, kShareMin));
}

}  // namespace

Task<Result<std::unique_ptr<Channel>>> Connector::connect(TimePoint deadline, CancelScope& cancel) {
  Shard& shard = Shard::current();
  const std::string& where = origin_.address.empty() ? origin_.host : origin_.address;
  Result<std::vector<SocketAddress>> addresses =
      co_await shard.network().resolve(where, origin_.port, deadline, cancel);
  if (!addresses) co_return fail(addresses.error());
  Error last(Error::Kind::unreachable, Error::Side::upstream, Error::Sent::no,
             origin_.host + " has no address");
  for (std::size_t i = 0; i < addresses->size(); ++i) {
    const TimePoint until = share_of(deadline, shard.now(), addresses->size() - i);
    SocketAddress address = (*addresses)[i];
    Result<std::unique_ptr<Stream>> stream =
        co_await shard.network().connect(std::move(address), until, cancel);
    if (stream && origin_.tls) {
      std::unique_ptr<Stream> plain = std::move(*stream);
      stream = co_await secure(std::move(plain), until, cancel);
    }
    if (stream) co_return std::make_unique<Channel>(std::move(*stream));
    last = stream.error();
    if (last.kind() == Error::Kind::cancelled || shard.now() >= deadline) break;
  }
  co_return fail(std::move(last));
}

Task<Result<std::unique_ptr<Stream>>> Connector::secure(std::unique_ptr<Stream> stream, TimePoint deadline,
                                                        CancelScope& cancel) {
  if (!tls_) {
    Result<std::unique_ptr<TlsContext>> context = origin_.own_certificate
                                                      ? TlsContext::client_of(origin_.ca_file)
                                                      : TlsContext::client(origin_.ca_file);
    if (!context) co_return fail(context.error());
    tls_ = std::move(*context);
  }
  std::string host = origin_.host;
  co_return co_await tls_->wrap(std::move(stream), std::move(host), deadline, cancel);
}

}  // namespace weir
