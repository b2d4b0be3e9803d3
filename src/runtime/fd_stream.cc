#include "runtime/fd_stream.h"

#include <arpa/inet.h>
#include <fcntl.h>
#include <sys/socket.h>
#include <sys/syscall.h>
#include <unistd.h>

#include <cerrno>
#include <cstring>
#include <utility>

#include "runtime/epoll_loop.h"
#include "runtime/socket_network.h"

namespace weir {
namespace {

// The library's wrappers are points of thread cancellation, which cost more than all else they do; nobody
// cancels threads here.
ssize_t send_bytes(int fd, const iovec& piece) noexcept {
  return ::syscall(SYS_sendto, fd, piece.iov_base, piece.iov_len, MSG_NOSIGNAL, nullptr, 0);
}
ssize_t receive_bytes(int fd, std::span<char> into) noexcept {
  return ::syscall(SYS_recvfrom, fd, into.data(), into.size(), 0, nullptr, nullptr);
}

class FdStream final : public Stream, private Watcher, private Poster {
 public:
  FdStream(EpollShard& loop, int read_fd, int write_fd, std::string name)
      : loop_(loop), read_fd_(read_fd), write_fd_(write_fd), name_(std::move(name)) {}
  ~FdStream() override { close(); }

  bool watch() noexcept {
    if (read_fd_ >= 0 && !loop_.watch(read_fd_, *this)) {
      if (errno != EPERM) return false;
      may_read_ = ending_ = true;  // a file: it never waits
    }
    return write_fd_ < 0 || write_fd_ == read_fd_ || loop_.watch(write_fd_, *this) || errno == EPERM;
  }

  void bind(StreamEvents& events) noexcept override { events_ = &events; }

  void start_read() noexcept override {
    reading_ = true;
    if (may_read_) loop_.poll_again(*this);
  }

  void start_wait() noexcept override {
    waiting_ = true;
    if (may_read_) loop_.poll_again(*this);
  }

  void cancel_read() noexcept override { reading_ = waiting_ = false; }

  std::ptrdiff_t try_write(std::span<const iovec> pieces) noexcept override {
    if (!posted_.empty()) flush_posted();
    if (write_fd_ < 0 || lost_) return -1;
    if (!posted_.empty()) return 0;
    while (true) {
      ssize_t sent;
      if (!socket()) {
        sent = ::writev(write_fd_, pieces.data(), static_cast<int>(pieces.size()));
      } else if (pieces.size() == 1) {
        sent = send_bytes(write_fd_, pieces[0]);
      } else {
        msghdr message{};
        message.msg_iov = const_cast<iovec*>(pieces.data());
        message.msg_iovlen = pieces.size();
        sent = ::sendmsg(write_fd_, &message, MSG_NOSIGNAL);
      }
      if (sent >= 0) return sent;
      if (errno == EINTR) continue;
      return errno == EAGAIN || errno == EWOULDBLOCK ? 0 : -1;
    }
  }

  bool post_write(Bytes&& bytes) noexcept override {
    if (!socket() || write_fd_ < 0 || lost_ || !posted_.empty()) return false;
    posted_ = std::move(bytes);
    unsent_ = true;
    loop_.flush_later(*this);
    return true;
  }

  bool take_back() noexcept override {
    if (!unsent_) return false;
    posted_ = Bytes();
    stuck_ = false;
    return true;
  }

  // A full descriptor gives an edge when it has room again.
  void start_writable() noexcept override { wants_room_ = true; }

  void shutdown_write() noexcept override {
    if (!posted_.empty()) flush_posted();
    shutting_ = true;
    if (!posted_.empty()) return;  // after what is left
    if (socket()) {
      ::shutdown(write_fd_, SHUT_WR);
    } else if (write_fd_ >= 0) {
      loop_.unregister(write_fd_);  // the reading half goes on, with what it has heard
      ::close(std::exchange(write_fd_, -1));
    }
  }

  void close() noexcept override {
    events_ = nullptr;
    if (read_fd_ < 0 && write_fd_ < 0) return;
    if (!posted_.empty()) flush_posted();
    loop_.forget_posted(*this);
    if (write_fd_ != read_fd_) let_go(write_fd_);
    let_go(read_fd_);
    write_fd_ = -1;
  }

  std::string peer() const override {
    if (!name_.empty()) return name_;
    sockaddr_storage storage{};
    socklen_t size = sizeof storage;
    if (::getpeername(read_fd_, reinterpret_cast<sockaddr*>(&storage), &size) != 0) return "unknown";
    const SocketAddress address = from_sockaddr(storage);
    const bool six = storage.ss_family == AF_INET6;
    return (six ? "[" + address.host + "]" : address.host) + ":" + std::to_string(address.port);
  }

 private:
  // What was posted, as far as the socket takes it; the rest goes when there is room.
  void flush_posted() noexcept override {
    stuck_ = false;
    while (!posted_.empty()) {
      const std::string_view left = posted_.view();
      const ssize_t sent = send_bytes(write_fd_, iovec{const_cast<char*>(left.data()), left.size()});
      if (sent >= 0) {
        unsent_ = false;
        const auto size = static_cast<std::size_t>(sent);
        posted_ = size == left.size() ? Bytes() : posted_.narrowed(left.substr(size));
      } else if (errno == EAGAIN || errno == EWOULDBLOCK) {
        stuck_ = true;
        return;
      } else if (errno != EINTR) {
        lost_ = true;
        posted_ = Bytes();
        // Whoever waits for the peer hears of it, though the kernel may have told all it had to tell.
        may_read_ = ending_ = true;
        if (reading_ || waiting_) loop_.poll_again(*this);
        return;
      }
    }
    if (shutting_) ::shutdown(write_fd_, SHUT_WR);
  }

  // A process that another shard starts may hold a copy of the descriptor for a moment: closing ours alone
  // would leave the registration, and events for who is gone.
  void let_go(int& fd) noexcept {
    if (fd < 0) return;
    loop_.unwatch(fd, *this);
    ::close(std::exchange(fd, -1));
  }

  bool socket() const noexcept { return read_fd_ == write_fd_; }

  void on_events(std::uint32_t events) noexcept override {
    if ((events & (EPOLLIN | EPOLLRDHUP | EPOLLHUP | EPOLLERR)) != 0) may_read_ = true;
    // After the peer's end there is no further edge: reading goes on until it is seen.
    if ((events & (EPOLLRDHUP | EPOLLHUP | EPOLLERR)) != 0) ending_ = true;
    if ((events & (EPOLLOUT | EPOLLHUP | EPOLLERR)) != 0) {
      if (stuck_) flush_posted();
      if (posted_.empty() && std::exchange(wants_room_, false) && events_ != nullptr) events_->on_writable();
    }
    if (events_ == nullptr) return;
    // Of two pipes only the one that is written to has errors: its reading end was closed.
    if (!socket() && (events & EPOLLERR) != 0) events_->on_unread();
    if (events_ == nullptr || !may_read_) return;
    if (waiting_) {
      waiting_ = false;
      events_->on_readable();
    } else if (reading_) {
      read();
    }
  }

  void read() noexcept {
    const std::span<char> into = events_->read_space();
    while (true) {
      const ssize_t got =
          socket() ? receive_bytes(read_fd_, into) : ::read(read_fd_, into.data(), into.size());
      if (got < 0 && errno == EINTR) continue;
      if (got < 0 && !lost_ && (errno == EAGAIN || errno == EWOULDBLOCK)) {
        may_read_ = false;
        return;
      }
      reading_ = false;
      if (got > 0) {
        may_read_ = ending_ || static_cast<std::size_t>(got) == into.size();
        events_->on_read(IoStatus::ok, static_cast<std::size_t>(got));
      } else {
        events_->on_read(got == 0 ? IoStatus::end : IoStatus::failed, 0);
      }
      return;
    }
  }

  EpollShard& loop_;
  int read_fd_;
  int write_fd_;
  std::string name_;
  StreamEvents* events_ = nullptr;
  bool may_read_ = false;
  bool ending_ = false;
  bool reading_ = false;
  bool waiting_ = false;
  bool wants_room_ = false;
  Bytes posted_;         // goes out at the end of the round
  bool unsent_ = false;  // nothing of what was posted last has gone
  bool stuck_ = false;   // it waits for room
  bool lost_ = false;
  bool shutting_ = false;
};

}  // namespace

Result<std::unique_ptr<Stream>> make_socket_stream(EpollShard& loop, int fd) {
  auto stream = std::make_unique<FdStream>(loop, fd, fd, std::string());
  if (!stream->watch())
    return fail(Error::Kind::internal, Error::Side::gateway, Error::Sent::no,
                std::string("epoll: ") + std::strerror(errno));
  return std::unique_ptr<Stream>(std::move(stream));
}

Result<std::unique_ptr<Stream>> make_pipe_stream(EpollShard& loop, int read_fd, int write_fd,
                                                 std::string name) {
  for (const int fd : {read_fd, write_fd})
    if (fd >= 0) ::fcntl(fd, F_SETFL, ::fcntl(fd, F_GETFL) | O_NONBLOCK);
  auto stream = std::make_unique<FdStream>(loop, read_fd, write_fd, name);
  if (!stream->watch())
    return fail(Error::Kind::internal, Error::Side::gateway, Error::Sent::no,
                name + ": " + std::strerror(errno));
  return std::unique_ptr<Stream>(std::move(stream));
}

}  // namespace weir
