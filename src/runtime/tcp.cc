#include "runtime/tcp.h"

#include <boost/asio/ip/tcp.hpp>
#include <optional>
#include <utility>

#include "runtime/descriptor_stream.h"
#include "runtime/shard.h"
#include "runtime/tcp_stream.h"
#include "runtime/waiter.h"

namespace weir {
namespace {

namespace ip = boost::asio::ip;
using boost::system::error_code;
using Acceptor = boost::asio::basic_socket_acceptor<ip::tcp, boost::asio::io_context::executor_type>;
using Resolver = ip::basic_resolver<ip::tcp, boost::asio::io_context::executor_type>;
using ReusePort = boost::asio::detail::socket_option::boolean<SOL_SOCKET, SO_REUSEPORT>;

Error refused(std::string detail) {
  return Error(Error::Kind::unreachable, Error::Side::upstream, Error::Sent::no, std::move(detail));
}

Error waited(Wake wake, std::string what) {
  if (wake == Wake::deadline)
    return Error(Error::Kind::deadline_exceeded, Error::Side::upstream, Error::Sent::no, what + " timed out");
  return Error(Error::Kind::cancelled, Error::Side::client, Error::Sent::no, "cancelled");
}

// One operation whose completion may come after its waiter has given up.
template <class T>
struct Pending {
  Waiter waiter;
  error_code error;
  std::optional<T> value;
  bool done = false;
};

SocketAddress to_address(const ip::tcp::endpoint& end) {
  return SocketAddress{end.address().to_string(), end.port()};
}

class TcpListener final : public Listener {
 public:
  TcpListener(Acceptor acceptor, boost::asio::io_context& io, Shard& shard)
      : acceptor_(std::move(acceptor)), io_(io), shard_(shard) {}

  Task<Result<std::unique_ptr<Stream>>> accept(CancelScope& cancel) override {
    auto pending = std::make_shared<Pending<TcpSocket>>();
    while (true) {
      pending->done = false;
      pending->value.emplace(io_);
      acceptor_.async_accept(*pending->value, [pending, &shard = shard_](const error_code& error) {
        pending->error = error;
        pending->done = true;
        if (pending->waiter.waiting()) shard.turn([&] { pending->waiter.wake(); });
      });
      if (!pending->done) {
        const Wake wake = co_await pending->waiter.wait(kForever, &cancel);
        if (wake != Wake::ready) {
          error_code ignored;
          acceptor_.cancel(ignored);
          co_return fail(waited(wake, "accept"));
        }
      }
      if (!pending->error) co_return make_tcp_stream(std::move(*pending->value), shard_);
      if (pending->error == boost::asio::error::connection_aborted) continue;
      // Descriptors or memory have run out: the queue in the kernel waits, we do not spin.
      const Wake wake = co_await Sleep(shard_.now() + std::chrono::milliseconds(50), &cancel);
      if (wake == Wake::cancelled) co_return fail(waited(wake, "accept"));
    }
  }

  SocketAddress address() const override {
    error_code ignored;
    return to_address(acceptor_.local_endpoint(ignored));
  }

 private:
  Acceptor acceptor_;
  boost::asio::io_context& io_;
  Shard& shard_;
};

class TcpNetwork final : public Network {
 public:
  TcpNetwork(boost::asio::io_context& io, Shard& shard) : io_(io), shard_(shard), resolver_(io) {}

  Task<Result<std::unique_ptr<Stream>>> connect(SocketAddress address, TimePoint deadline,
                                                CancelScope& cancel) override {
    error_code error;
    const auto host = ip::make_address(address.host, error);
    if (error) co_return fail(refused("not an address: " + address.host));
    auto pending = std::make_shared<Pending<TcpSocket>>();
    pending->value.emplace(io_);
    pending->value->async_connect(ip::tcp::endpoint(host, address.port),
                                  [pending, &shard = shard_](const error_code& result) {
                                    pending->error = result;
                                    pending->done = true;
                                    if (pending->waiter.waiting())
                                      shard.turn([&] { pending->waiter.wake(); });
                                  });
    if (!pending->done) {
      const Wake wake = co_await pending->waiter.wait(deadline, &cancel);
      if (wake != Wake::ready) {
        pending->value->close(error);
        co_return fail(waited(wake, "connecting to " + address.host));
      }
    }
    if (pending->error)
      co_return fail(
          refused(address.host + ":" + std::to_string(address.port) + ": " + pending->error.message()));
    co_return make_tcp_stream(std::move(*pending->value), shard_);
  }

  Result<std::unique_ptr<Listener>> listen(const SocketAddress& address, bool shared) override {
    error_code error;
    const auto host = ip::make_address(address.host, error);
    if (error)
      return fail(Error::Kind::invalid_request, Error::Side::gateway, Error::Sent::no,
                  "not an address: " + address.host);
    const ip::tcp::endpoint end(host, address.port);
    Acceptor acceptor(io_);
    const auto step = [&](auto&& action) {
      if (!error) action();
    };
    step([&] { acceptor.open(end.protocol(), error); });
    step([&] { acceptor.set_option(boost::asio::socket_base::reuse_address(true), error); });
    if (shared) step([&] { acceptor.set_option(ReusePort(true), error); });
    step([&] { acceptor.set_option(ip::tcp::no_delay(true), error); });
    step([&] { acceptor.bind(end, error); });
    step([&] { acceptor.listen(4096, error); });
    if (error)
      return fail(
          Error::Kind::unreachable, Error::Side::gateway, Error::Sent::no,
          "cannot listen on " + address.host + ":" + std::to_string(address.port) + ": " + error.message());
    return std::unique_ptr<Listener>(std::make_unique<TcpListener>(std::move(acceptor), io_, shard_));
  }

  Result<std::unique_ptr<Stream>> adopt(int read_fd, int write_fd, std::string name) override {
    return make_descriptor_stream(io_, shard_, read_fd, write_fd, std::move(name));
  }

  Task<Result<std::vector<SocketAddress>>> resolve(std::string host, std::uint16_t port, TimePoint deadline,
                                                   CancelScope& cancel) override {
    error_code error;
    std::vector<SocketAddress> found;
    if (const auto numeric = ip::make_address(host, error); !error) {
      found.push_back(SocketAddress{numeric.to_string(), port});
      co_return found;
    }
    auto pending = std::make_shared<Pending<Resolver::results_type>>();
    resolver_.async_resolve(
        host, std::to_string(port),
        [pending, &shard = shard_](const error_code& result, Resolver::results_type entries) {
          pending->error = result;
          pending->value = std::move(entries);
          pending->done = true;
          if (pending->waiter.waiting()) shard.turn([&] { pending->waiter.wake(); });
        });
    if (!pending->done) {
      const Wake wake = co_await pending->waiter.wait(deadline, &cancel);
      if (wake != Wake::ready) co_return fail(waited(wake, "resolving " + host));
    }
    if (pending->error) co_return fail(refused("cannot resolve " + host + ": " + pending->error.message()));
    for (const auto& entry : *pending->value) {
      SocketAddress address = to_address(entry.endpoint());
      if (found.empty() || !(found.back() == address)) found.push_back(std::move(address));
    }
    co_return found;
  }

 private:
  boost::asio::io_context& io_;
  Shard& shard_;
  Resolver resolver_;
};

}  // namespace

std::unique_ptr<Network> make_tcp_network(boost::asio::io_context& io, Shard& shard) {
  return std::make_unique<TcpNetwork>(io, shard);
}

}  // namespace weir
