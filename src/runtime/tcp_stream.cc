#include "runtime/tcp_stream.h"

#include <sys/socket.h>

#include <boost/asio/buffer.hpp>
#include <cerrno>
#include <utility>

#include "runtime/shard.h"

namespace weir {
namespace {

// Shared by the stream and the operations under way, so that a closed stream's late completions find no one.
struct Core {
  TcpSocket socket;
  Shard& shard;
  StreamEvents* events = nullptr;
  std::uint32_t read_serial = 0;  // operations of an older serial were cancelled
  std::uint32_t refs = 1;         // one shard, so no atomics

  Core(TcpSocket s, Shard& home) : socket(std::move(s)), shard(home) {}
};

class CoreRef {
 public:
  explicit CoreRef(Core* core) noexcept : core_(core) { ++core_->refs; }
  CoreRef(const CoreRef& other) noexcept : core_(other.core_) {
    if (core_ != nullptr) ++core_->refs;
  }
  CoreRef(CoreRef&& other) noexcept : core_(std::exchange(other.core_, nullptr)) {}
  CoreRef& operator=(const CoreRef&) = delete;
  ~CoreRef() {
    if (core_ != nullptr && --core_->refs == 0) delete core_;
  }
  Core* operator->() const noexcept { return core_; }

 private:
  Core* core_;
};

class TcpStream final : public Stream {
 public:
  TcpStream(TcpSocket socket, Shard& shard) : core_(new Core(std::move(socket), shard)) {
    boost::system::error_code ignored;
    core_->socket.non_blocking(true, ignored);
    core_->socket.set_option(boost::asio::ip::tcp::no_delay(true), ignored);
  }
  ~TcpStream() override {
    close();
    if (--core_->refs == 0) delete core_;
  }

  void bind(StreamEvents& events) noexcept override { core_->events = &events; }

  void start_read(std::span<char> into) noexcept override {
    core_->socket.async_read_some(boost::asio::buffer(into.data(), into.size()),
                                  [core = CoreRef(core_), serial = core_->read_serial](
                                      const boost::system::error_code& error, std::size_t size) {
                                    if (core->events == nullptr || core->read_serial != serial) return;
                                    const IoStatus status = !error ? IoStatus::ok
                                                            : error == boost::asio::error::eof
                                                                ? IoStatus::end
                                                                : IoStatus::failed;
                                    core->shard.turn([&] { core->events->on_read(status, size); });
                                  });
  }

  void start_wait() noexcept override {
    core_->socket.async_wait(TcpSocket::wait_read, [core = CoreRef(core_), serial = core_->read_serial](
                                                       const boost::system::error_code&) {
      if (core->events == nullptr || core->read_serial != serial) return;
      core->shard.turn([&] { core->events->on_readable(); });
    });
  }

  void cancel_read() noexcept override {
    ++core_->read_serial;
    boost::system::error_code ignored;
    core_->socket.cancel(ignored);
  }

  std::ptrdiff_t try_write(std::span<const iovec> pieces) noexcept override {
    if (!core_->socket.is_open()) return -1;
    const int fd = core_->socket.native_handle();
    while (true) {
      ssize_t sent;
      if (pieces.size() == 1) {
        sent = ::send(fd, pieces[0].iov_base, pieces[0].iov_len, MSG_NOSIGNAL | MSG_DONTWAIT);
      } else {
        msghdr message{};
        message.msg_iov = const_cast<iovec*>(pieces.data());
        message.msg_iovlen = pieces.size();
        sent = ::sendmsg(fd, &message, MSG_NOSIGNAL | MSG_DONTWAIT);
      }
      if (sent >= 0) return sent;
      if (errno == EINTR) continue;
      return errno == EAGAIN || errno == EWOULDBLOCK ? 0 : -1;
    }
  }

  void start_writable() noexcept override {
    core_->socket.async_wait(TcpSocket::wait_write,
                             [core = CoreRef(core_)](const boost::system::error_code&) {
                               if (core->events == nullptr) return;
                               core->shard.turn([&] { core->events->on_writable(); });
                             });
  }

  void shutdown_write() noexcept override {
    boost::system::error_code ignored;
    core_->socket.shutdown(TcpSocket::shutdown_send, ignored);
  }

  void close() noexcept override {
    core_->events = nullptr;
    ++core_->read_serial;
    boost::system::error_code ignored;
    core_->socket.close(ignored);
  }

  std::string peer() const override {
    boost::system::error_code error;
    const auto end = core_->socket.remote_endpoint(error);
    if (error) return "unknown";
    const std::string host = end.address().to_string();
    return (end.address().is_v6() ? "[" + host + "]" : host) + ":" + std::to_string(end.port());
  }

 private:
  Core* core_;
};

}  // namespace

std::unique_ptr<Stream> make_tcp_stream(TcpSocket socket, Shard& shard) {
  return std::make_unique<TcpStream>(std::move(socket), shard);
}

}  // namespace weir
