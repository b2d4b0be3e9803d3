// The seam between our code and sockets: a byte stream of one shard, real (runtime/fd_stream), TLS or
// simulated. Callbacks come as turns of the shard; after close() none comes any more.
#pragma once

#include <sys/uio.h>

#include <chrono>
#include <cstddef>
#include <memory>
#include <span>
#include <string>
#include <utility>
#include <vector>

#include "base/bytes.h"
#include "base/error.h"
#include "runtime/task.h"
#include "runtime/time.h"

namespace weir {

class CancelScope;

/// How a read or a wait ended: bytes, a clean end of the stream, or a failure.
enum class IoStatus : std::uint8_t { ok, end, failed };

/// Receives what a Stream reports.
class StreamEvents {
 public:
  /// Where the read under way puts its bytes; asked for when there is something to read, so that who only
  /// waits holds no buffer. Not empty; valid until on_read.
  virtual std::span<char> read_space() noexcept = 0;
  /// The read begun last has ended with `size` bytes (status ok), or the peer has closed, or the connection
  /// is lost.
  virtual void on_read(IoStatus status, std::size_t size) noexcept = 0;
  /// The stream takes bytes again, or is lost (the next write says so).
  virtual void on_writable() noexcept = 0;
  /// What start_wait() asked for: there is something to read, an end or a failure included.
  virtual void on_readable() noexcept = 0;
  /// Nobody reads what is written any more, though there may be more to read: only pipes tell.
  virtual void on_unread() noexcept {}

 protected:
  ~StreamEvents() = default;
};

class Stream {
 public:
  virtual ~Stream() = default;
  /// Where events go; set before the first start_*.
  virtual void bind(StreamEvents& events) noexcept = 0;
  /// Reads some bytes into read_space() once there are any. At most one read or wait at a time.
  virtual void start_read() noexcept = 0;
  /// Waits for bytes without reading them.
  virtual void start_wait() noexcept = 0;
  /// Takes back the read or wait under way; its callback will not come. Bytes are not lost.
  virtual void cancel_read() noexcept = 0;
  /// Writes what fits now. Returns the bytes taken (0: full; call start_writable) or -1: the connection is
  /// lost.
  virtual std::ptrdiff_t try_write(std::span<const iovec> pieces) noexcept = 0;
  /// Takes `bytes` to send them with all else that the loop's present round has to send: peers are woken once
  /// a round instead of once a message. False: not taken, try_write() says more. What is taken goes out
  /// before what is written later; the reader hears of a connection that is lost.
  virtual bool post_write(Bytes&& bytes) noexcept {
    (void)bytes;
    return false;
  }
  /// Takes back what was posted last if no byte of it has been sent, and will not be; false: the peer may
  /// have seen some. For a message that nobody waits for any more.
  virtual bool take_back() noexcept { return false; }
  /// One on_writable when there is room again.
  virtual void start_writable() noexcept = 0;
  /// No more bytes from us; reading goes on.
  virtual void shutdown_write() noexcept = 0;
  virtual void close() noexcept = 0;
  /// The other side as "127.0.0.1:4711", "[::1]:4711" or a description; for logs and per-address limits.
  virtual std::string peer() const = 0;
};

/// A numeric address with its port. Written constructors: an aggregate built inside a co_await expression is
/// freed twice by g++ 12.
struct SocketAddress {
  SocketAddress() = default;
  SocketAddress(std::string numeric_host, std::uint16_t port_number)
      : host(std::move(numeric_host)), port(port_number) {}
  std::string host;  // IPv4 or IPv6 without brackets
  std::uint16_t port = 0;
  friend bool operator==(const SocketAddress&, const SocketAddress&) = default;
};

/// What a host name stands for, and for how long.
struct NameAnswer {
  std::vector<std::string> addresses;  // numeric, without brackets; each once, in an order of their own
  std::chrono::seconds ttl{};          // the least of theirs
  bool no_ipv4 = false;                // nobody said which ones it has of this family
  bool no_ipv6 = false;
  friend bool operator==(const NameAnswer&, const NameAnswer&) = default;
};

/// Takes connections on one address for one shard.
class Listener {
 public:
  virtual ~Listener() = default;
  /// The next connection. Errors: cancelled; overloaded when descriptors or memory have run out, at once: the
  /// caller pauses before it asks again.
  virtual Task<Result<std::unique_ptr<Stream>>> accept(CancelScope& cancel) = 0;
  /// The bound address, its real port included.
  virtual SocketAddress address() const = 0;
};

/// Connections out and in. One per shard.
class Network {
 public:
  virtual ~Network() = default;
  /// Connects; errors are Kind::unreachable, deadline_exceeded or cancelled, each Sent::no.
  virtual Task<Result<std::unique_ptr<Stream>>> connect(SocketAddress address, TimePoint deadline,
                                                        CancelScope& cancel) = 0;
  /// `shared`: several shards listen on the same port (SO_REUSEPORT). Port 0 picks a free one.
  virtual Result<std::unique_ptr<Listener>> listen(const SocketAddress& address, bool shared) = 0;
  /// A Stream over two descriptors of our own (a child's pipes), which it takes over; either may be -1.
  /// `name` is what its peer() says.
  virtual Result<std::unique_ptr<Stream>> adopt(int read_fd, int write_fd, std::string name) = 0;
  /// All addresses of a name, resolved off the loop. A numeric host is returned as it is.
  virtual Task<Result<std::vector<SocketAddress>>> resolve(std::string host, std::uint16_t port,
                                                           TimePoint deadline, CancelScope& cancel) = 0;
  /// All addresses of a name with their time to live, by the hosts file or by DNS: from `name_server`
  /// ("ADDRESS:PORT"), or from the system's where that is empty. A numeric host is returned as it is. At
  /// least one address. Errors: unreachable with the reason, deadline_exceeded, cancelled; all Sent::no.
  virtual Task<Result<NameAnswer>> look_up(std::string host, std::string name_server, TimePoint deadline,
                                           CancelScope& cancel) = 0;
};

}  // namespace weir
