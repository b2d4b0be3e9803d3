// A Stream with a receive buffer in front and writes that wait: what protocol code reads and writes with.
// Reading ahead is explicit (arm), so that a peer's closing is noticed while its request is worked on, at no
// cost: it is the read that the next message needs anyway. A channel that waits with nothing pending holds no
// buffer: the kernel writes into one block of the thread, which stays warm; small messages are copied out of
// it, large ones take it along. Received bytes stay where they are while somebody shares the buffer.
#pragma once

#include <memory>
#include <span>
#include <string_view>

#include "base/bytes.h"
#include "base/error.h"
#include "runtime/stream.h"
#include "runtime/task.h"
#include "runtime/waiter.h"

namespace weir {

/// One shard. Owned by one connection; at most one coroutine reads and one writes.
class Channel final : private StreamEvents {
 public:
  explicit Channel(std::unique_ptr<Stream> stream);
  Channel(const Channel&) = delete;
  Channel& operator=(const Channel&) = delete;
  ~Channel();

  /// Received and not yet consumed. The view is good until the next consume, fill or arm.
  std::string_view pending() const noexcept { return {buffer_.data() + begin_, end_ - begin_}; }
  /// The first `size` pending bytes as shared bytes that outlive the channel's use of them.
  Bytes share(std::string_view part) const { return Bytes(buffer_, part); }
  void consume(std::size_t size) noexcept;
  /// Room for a message of `size` bytes in one piece behind what is pending, for bodies whose length is
  /// known.
  void reserve(std::size_t size);

  /// Gives the buffer back; nothing may be pending. Reading goes on with the next arm or fill.
  void release();

  /// Begins reading ahead unless a read is under way or the stream has ended.
  void arm();
  /// Waits for more bytes. Value: bytes received; 0 is the peer's clean end. Arms by itself.
  /// Errors: deadline_exceeded, cancelled, or unreachable (connection lost).
  struct Filling {
    Channel& channel;
    std::size_t before;
    Waiter::Awaiter wait;
    bool await_ready() noexcept { return channel.has_more(before) || wait.await_ready(); }
    void await_suspend(std::coroutine_handle<> handle) noexcept { wait.await_suspend(handle); }
    Result<std::size_t> await_resume() { return channel.filled(before, wait.await_resume()); }
  };
  /// The awaitable itself; at most one at a time.
  Filling fill(TimePoint deadline, CancelScope* cancel) {
    const std::size_t before = end_ - begin_;
    arm();
    return Filling{*this, before, read_waiter_.wait(deadline, cancel)};
  }
  /// Waits without a buffer until there is something to read. The channel must have nothing pending.
  Task<Wake> rest(TimePoint deadline, CancelScope* cancel);

  /// Writes all pieces, waiting for room. Views stay valid until it returns.
  Task<Result<void>> write(std::span<const iovec> pieces, TimePoint deadline, CancelScope* cancel);
  /// Writes what fits now; value: bytes taken. For the usual small message, without a coroutine.
  std::ptrdiff_t try_write(std::span<const iovec> pieces) noexcept { return stream_->try_write(pieces); }

  /// Sends `bytes` at the end of the loop's round; see Stream::post_write. False: not taken.
  bool post(Bytes&& bytes) noexcept { return stream_->post_write(std::move(bytes)); }
  /// Takes back what was posted last if no byte of it has been sent.
  bool take_back() noexcept { return stream_->take_back(); }

  /// True once the peer has closed or the connection is lost, as far as reading ahead knows.
  bool ended() const noexcept { return status_ != IoStatus::ok; }
  /// Cancels `scope` when the peer closes while a read ahead is under way; null: nothing.
  void on_end(CancelScope* scope) noexcept;
  /// True once it is known that nobody reads what is written; `waiter` (null: none) is woken then.
  bool unread() const noexcept { return unread_; }
  void wake_unread(Waiter* waiter) noexcept { unread_waiter_ = waiter; }
  void close() noexcept;
  Stream& stream() noexcept { return *stream_; }
  std::string peer() const { return stream_->peer(); }

 private:
  std::span<char> read_space() noexcept override;
  void on_read(IoStatus status, std::size_t size) noexcept override;
  void on_writable() noexcept override;
  void on_readable() noexcept override;
  void on_unread() noexcept override;
  void make_room();
  bool has_more(std::size_t before) const noexcept {
    return end_ - begin_ > before || status_ != IoStatus::ok;
  }
  Result<std::size_t> filled(std::size_t before, Wake wake) const;

  std::unique_ptr<Stream> stream_;
  Buffer buffer_;
  std::size_t begin_ = 0;
  std::size_t end_ = 0;
  std::size_t reserve_ = 0;
  IoStatus status_ = IoStatus::ok;
  bool reading_ = false;
  bool closed_ = false;
  bool unread_ = false;
  CancelScope* end_scope_ = nullptr;
  Waiter read_waiter_;
  Waiter write_waiter_;
  Waiter* unread_waiter_ = nullptr;
};

}  // namespace weir
