#include "runtime/channel.h"

#include <algorithm>
#include <array>
#include <cstring>

#include "base/check.h"

namespace weir {
namespace {

constexpr std::size_t kRoomMin = 16384;  // below it a read goes to a fresh buffer
constexpr std::size_t kCopiedMax =
    16384;  // what is received at once and is no larger moves to a block of its size

// What all channels of a thread receive into. Messages under way at the starts of blocks of 64 KB would share
// few sets of the caches.
Buffer& receive_block() {
  static thread_local Buffer block;
  if (!block) block = Buffer(Buffer::kReceive);
  return block;
}

Error lost() {
  return Error(Error::Kind::unreachable, Error::Side::upstream, Error::Sent::maybe, "connection lost");
}

Error ended_by(Wake wake) {
  return wake == Wake::deadline
             ? Error(Error::Kind::deadline_exceeded, Error::Side::gateway, Error::Sent::maybe,
                     "deadline exceeded")
             : Error(Error::Kind::cancelled, Error::Side::client, Error::Sent::maybe, "cancelled");
}

}  // namespace

Channel::Channel(std::unique_ptr<Stream> stream) : stream_(std::move(stream)) { stream_->bind(*this); }

Channel::~Channel() { close(); }

void Channel::close() noexcept {
  if (closed_) return;
  closed_ = true;
  if (status_ == IoStatus::ok) status_ = IoStatus::failed;
  reading_ = false;
  stream_->close();
  if (read_waiter_.waiting()) read_waiter_.wake();
  if (write_waiter_.waiting()) write_waiter_.wake();
}

void Channel::consume(std::size_t size) noexcept {
  WEIR_CHECK(size <= end_ - begin_);
  begin_ += size;
}

void Channel::reserve(std::size_t size) {
  if (buffer_ && buffer_.capacity() - begin_ >= size) return;
  reserve_ = size;
}

void Channel::make_room() {
  const std::size_t have = end_ - begin_;
  const std::size_t want = std::max(reserve_, have + kRoomMin);
  if (buffer_ && buffer_.capacity() - begin_ >= want && buffer_.capacity() - end_ >= 1) return;
  if (buffer_ && buffer_.unique() && have == 0 && buffer_.capacity() >= want) {
    begin_ = end_ = 0;
    return;
  }
  // What is shared stays where it is; what is not consumed moves on.
  // Many connections with half a header each are as large as what they have sent.
  Buffer next(std::max(want, std::min(2 * have + kRoomMin, Buffer::kReceive)));
  if (have != 0) std::memcpy(next.data(), buffer_.data() + begin_, have);
  buffer_ = std::move(next);
  begin_ = 0;
  end_ = have;
}

void Channel::arm() {
  if (reading_ || status_ != IoStatus::ok) return;
  if (begin_ == end_) {
    buffer_ = Buffer();
    begin_ = end_ = 0;
  }
  reading_ = true;
  stream_->start_read();
}

std::span<char> Channel::read_space() noexcept {
  if (!buffer_ && reserve_ == 0) {
    const Buffer& block = receive_block();
    return {block.data(), block.capacity()};
  }
  make_room();
  reserve_ = 0;
  return {buffer_.data() + end_, buffer_.capacity() - end_};
}

// Only a read's end wakes the waiter, so one wait is enough.
Result<std::size_t> Channel::filled(std::size_t before, Wake wake) const {
  if (end_ - begin_ > before) return end_ - begin_ - before;
  if (status_ == IoStatus::end) return std::size_t{0};
  if (status_ == IoStatus::failed) return fail(lost());
  return fail(ended_by(wake));
}

void Channel::release() {
  WEIR_CHECK(begin_ == end_);
  if (reading_) {
    stream_->cancel_read();
    reading_ = false;
  }
  buffer_ = Buffer();
  begin_ = end_ = 0;
}

Task<Wake> Channel::rest(TimePoint deadline, CancelScope* cancel) {
  if (status_ != IoStatus::ok) co_return Wake::ready;
  release();
  reading_ = true;
  stream_->start_wait();
  const Wake wake = co_await read_waiter_.wait(deadline, cancel);
  if (reading_ && !closed_) {
    stream_->cancel_read();
    reading_ = false;
  }
  co_return wake;
}

void Channel::on_read(IoStatus status, std::size_t size) noexcept {
  reading_ = false;
  if (status == IoStatus::ok) {
    if (!buffer_) {
      Buffer& block = receive_block();
      buffer_ = size <= kCopiedMax ? Buffer::copy_of({block.data(), size}) : std::move(block);
    }
    end_ += size;
  } else {
    status_ = status;
  }
  if (status != IoStatus::ok && end_scope_ != nullptr) end_scope_->cancel();
  if (read_waiter_.waiting()) read_waiter_.wake();
}

void Channel::on_readable() noexcept {
  reading_ = false;
  if (read_waiter_.waiting()) read_waiter_.wake();
}

void Channel::on_writable() noexcept {
  if (write_waiter_.waiting()) write_waiter_.wake();
}

void Channel::on_unread() noexcept {
  unread_ = true;
  if (unread_waiter_ != nullptr && unread_waiter_->waiting()) unread_waiter_->wake();
}

void Channel::on_end(CancelScope* scope) noexcept {
  end_scope_ = scope;
  if (scope != nullptr && status_ != IoStatus::ok) scope->cancel();
}

Task<Result<void>> Channel::write(std::span<const iovec> pieces, TimePoint deadline, CancelScope* cancel) {
  constexpr std::size_t kPiecesMax = 16;
  std::array<iovec, kPiecesMax> left;
  WEIR_CHECK(pieces.size() <= kPiecesMax);
  std::copy(pieces.begin(), pieces.end(), left.begin());
  std::size_t first = 0;
  const std::size_t count = pieces.size();
  while (true) {
    while (first < count && left[first].iov_len == 0) ++first;
    if (first == count) co_return Result<void>();
    if (closed_) co_return fail(lost());
    std::ptrdiff_t taken = stream_->try_write(std::span<const iovec>(left.data() + first, count - first));
    if (taken < 0) co_return fail(lost());
    if (taken == 0) {
      stream_->start_writable();
      const Wake wake = co_await write_waiter_.wait(deadline, cancel);
      if (wake != Wake::ready) co_return fail(ended_by(wake));
      continue;
    }
    while (taken > 0) {
      const std::size_t step = std::min(static_cast<std::size_t>(taken), left[first].iov_len);
      left[first].iov_base = static_cast<char*>(left[first].iov_base) + step;
      left[first].iov_len -= step;
      taken -= static_cast<std::ptrdiff_t>(step);
      if (left[first].iov_len == 0) ++first;
    }
  }
}

}  // namespace weir
