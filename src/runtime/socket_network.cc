#include "runtime/socket_network.h"

#include <arpa/inet.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <unistd.h>

#include <cerrno>
#include <cstring>
#include <optional>
#include <utility>

#include "runtime/dns.h"
#include "runtime/epoll_loop.h"
#include "runtime/fd_stream.h"
#include "runtime/resolver.h"
#include "runtime/waiter.h"

namespace weir {
namespace {

struct Numeric {
  sockaddr_storage storage{};
  socklen_t size = 0;
};

std::optional<Numeric> to_sockaddr(const SocketAddress& address) {
  Numeric numeric;
  auto* four = reinterpret_cast<sockaddr_in*>(&numeric.storage);
  auto* six = reinterpret_cast<sockaddr_in6*>(&numeric.storage);
  if (::inet_pton(AF_INET, address.host.c_str(), &four->sin_addr) == 1) {
    four->sin_family = AF_INET;
    four->sin_port = htons(address.port);
    numeric.size = sizeof *four;
    return numeric;
  }
  if (::inet_pton(AF_INET6, address.host.c_str(), &six->sin6_addr) == 1) {
    six->sin6_family = AF_INET6;
    six->sin6_port = htons(address.port);
    numeric.size = sizeof *six;
    return numeric;
  }
  return std::nullopt;
}

Error unreachable(const SocketAddress& address, const char* reason) {
  return Error(Error::Kind::unreachable, Error::Side::upstream, Error::Sent::no,
               address.host + ":" + std::to_string(address.port) + ": " + reason);
}

Error waited(Wake wake, const std::string& what) {
  if (wake == Wake::deadline)
    return Error(Error::Kind::deadline_exceeded, Error::Side::upstream, Error::Sent::no, what + " timed out");
  return Error(Error::Kind::cancelled, Error::Side::client, Error::Sent::no, "cancelled");
}

void set_option(int fd, int level, int option, int value = 1) noexcept {
  ::setsockopt(fd, level, option, &value, sizeof value);
}

// Small writes go out at once. A quiet connection whose other side has vanished without a word (a stream that
// brings events now and then) is found to be dead after two minutes.
void set_usual(int fd) noexcept {
  set_option(fd, IPPROTO_TCP, TCP_NODELAY);
  set_option(fd, SOL_SOCKET, SO_KEEPALIVE);
  set_option(fd, IPPROTO_TCP, TCP_KEEPIDLE, 60);
  set_option(fd, IPPROTO_TCP, TCP_KEEPINTVL, 15);
  set_option(fd, IPPROTO_TCP, TCP_KEEPCNT, 4);
}

// A descriptor that one coroutine waits for.
class FdWaiter final : public Watcher {
 public:
  FdWaiter(EpollShard& loop, int fd) : loop_(loop), fd_(fd) {}
  ~FdWaiter() {
    if (fd_ < 0) return;
    loop_.unwatch(fd_, *this);
    ::close(fd_);
  }
  FdWaiter(const FdWaiter&) = delete;
  FdWaiter& operator=(const FdWaiter&) = delete;
  bool watch() noexcept { return loop_.watch(fd_, *this); }
  void on_events(std::uint32_t) noexcept override { waiter.wake(); }
  int fd() const noexcept { return fd_; }
  /// Hands the descriptor on, no longer watched.
  int release() noexcept {
    loop_.unwatch(fd_, *this);
    return std::exchange(fd_, -1);
  }
  Waiter waiter;

 private:
  EpollShard& loop_;
  int fd_;
};

class SocketListener final : public Listener {
 public:
  SocketListener(EpollShard& loop, int fd) : loop_(loop), socket_(loop, fd) {}
  bool watch() noexcept { return socket_.watch(); }

  Task<Result<std::unique_ptr<Stream>>> accept(CancelScope& cancel) override {
    while (true) {
      const int fd = ::accept4(socket_.fd(), nullptr, nullptr, SOCK_NONBLOCK | SOCK_CLOEXEC);
      if (fd >= 0) co_return make_socket_stream(loop_, fd);
      const int reason = errno;
      if (reason == EINTR || reason == ECONNABORTED || reason == EPROTO) continue;
      if (reason != EAGAIN && reason != EWOULDBLOCK)
        co_return fail(Error::Kind::overloaded, Error::Side::gateway, Error::Sent::no, std::strerror(reason));
      const Wake wake = co_await socket_.waiter.wait(kForever, &cancel);
      if (wake == Wake::cancelled) co_return fail(waited(wake, "accept"));
    }
  }

  SocketAddress address() const override {
    sockaddr_storage storage{};
    socklen_t size = sizeof storage;
    ::getsockname(socket_.fd(), reinterpret_cast<sockaddr*>(&storage), &size);
    return from_sockaddr(storage);
  }

 private:
  EpollShard& loop_;
  FdWaiter socket_;
};

class SocketNetwork final : public Network {
 public:
  explicit SocketNetwork(EpollShard& loop) : loop_(loop), resolver_(loop.shard()) {}

  Task<Result<std::unique_ptr<Stream>>> connect(SocketAddress address, TimePoint deadline,
                                                CancelScope& cancel) override {
    const std::optional<Numeric> numeric = to_sockaddr(address);
    if (!numeric) co_return fail(unreachable(address, "not a numeric address"));
    const int fd = ::socket(numeric->storage.ss_family, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
    if (fd < 0) co_return fail(unreachable(address, std::strerror(errno)));
    set_usual(fd);
    FdWaiter attempt(loop_, fd);
    int reason = 0;
    if (::connect(fd, reinterpret_cast<const sockaddr*>(&numeric->storage), numeric->size) != 0)
      reason = errno;
    if (reason == EINPROGRESS && !attempt.watch()) reason = errno;
    while (reason == EINPROGRESS) {
      const Wake wake = co_await attempt.waiter.wait(deadline, &cancel);
      if (wake != Wake::ready) co_return fail(waited(wake, "connecting to " + address.host));
      socklen_t size = sizeof reason;
      if (::getsockopt(fd, SOL_SOCKET, SO_ERROR, &reason, &size) != 0) reason = errno;
      sockaddr_storage peer{};
      socklen_t peer_size = sizeof peer;
      // The first edge of a fresh socket may come before it is connected.
      if (reason == 0 && ::getpeername(fd, reinterpret_cast<sockaddr*>(&peer), &peer_size) != 0)
        reason = EINPROGRESS;
    }
    if (reason != 0) co_return fail(unreachable(address, std::strerror(reason)));
    co_return make_socket_stream(loop_, attempt.release());
  }

  Result<std::unique_ptr<Listener>> listen(const SocketAddress& address, bool shared) override {
    const std::optional<Numeric> numeric = to_sockaddr(address);
    const auto refuse = [&](const char* reason) {
      return fail(Error::Kind::unreachable, Error::Side::gateway, Error::Sent::no,
                  "cannot listen on " + address.host + ":" + std::to_string(address.port) + ": " + reason);
    };
    if (!numeric) return refuse("not a numeric address");
    const int fd = ::socket(numeric->storage.ss_family, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
    if (fd < 0) return refuse(std::strerror(errno));
    auto listener = std::make_unique<SocketListener>(loop_, fd);
    set_option(fd, SOL_SOCKET, SO_REUSEADDR);
    if (shared) set_option(fd, SOL_SOCKET, SO_REUSEPORT);
    set_usual(fd);  // accepted sockets inherit it
    if (::bind(fd, reinterpret_cast<const sockaddr*>(&numeric->storage), numeric->size) != 0 ||
        ::listen(fd, 4096) != 0 || !listener->watch())
      return refuse(std::strerror(errno));
    return std::unique_ptr<Listener>(std::move(listener));
  }

  Result<std::unique_ptr<Stream>> adopt(int read_fd, int write_fd, std::string name) override {
    return make_pipe_stream(loop_, read_fd, write_fd, std::move(name));
  }

  Task<Result<std::vector<SocketAddress>>> resolve(std::string host, std::uint16_t port, TimePoint deadline,
                                                   CancelScope& cancel) override {
    if (to_sockaddr(SocketAddress(host, port))) {
      std::vector<SocketAddress> itself;
      itself.emplace_back(std::move(host), port);
      co_return itself;
    }
    co_return co_await resolver_.look_up(std::move(host), port, deadline, cancel);
  }

  Task<Result<NameAnswer>> look_up(std::string host, std::string name_server, TimePoint deadline,
                                   CancelScope& cancel) override {
    return dns_look_up(loop_, std::move(host), std::move(name_server), deadline, cancel);
  }

 private:
  EpollShard& loop_;
  Resolver resolver_;
};

}  // namespace

SocketAddress from_sockaddr(const sockaddr_storage& storage) {
  char text[INET6_ADDRSTRLEN] = "";
  if (storage.ss_family == AF_INET6) {
    const auto* six = reinterpret_cast<const sockaddr_in6*>(&storage);
    ::inet_ntop(AF_INET6, &six->sin6_addr, text, sizeof text);
    return SocketAddress(text, ntohs(six->sin6_port));
  }
  const auto* four = reinterpret_cast<const sockaddr_in*>(&storage);
  ::inet_ntop(AF_INET, &four->sin_addr, text, sizeof text);
  return SocketAddress(text, ntohs(four->sin_port));
}

std::unique_ptr<Network> make_socket_network(EpollShard& loop) {
  return std::make_unique<SocketNetwork>(loop);
}

}  // namespace weir
