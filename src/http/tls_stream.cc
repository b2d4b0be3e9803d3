#include "http/tls_stream.h"

#include <openssl/err.h>
#include <openssl/x509.h>

#include <algorithm>
#include <cstring>
#include <string_view>
#include <utility>

#include "base/check.h"
#include "runtime/shard.h"

namespace weir {
namespace {

constexpr std::size_t kRecordMax = 16384;       // RFC 8446, section 5.1
constexpr std::size_t kBatch = 3 * kRecordMax;  // from then on what is encrypted is sent
constexpr std::size_t kOutRoom = 4 * (kRecordMax + 256);
constexpr std::size_t kControlMax = 256 * 1024;

std::string reason_of(SSL* ssl) {
  const long verified = SSL_get_verify_result(ssl);
  if (verified != X509_V_OK) return std::string("certificate: ") + X509_verify_cert_error_string(verified);
  const unsigned long code = ERR_peek_error();
  const char* reason = code == 0 ? nullptr : ERR_reason_error_string(code);
  return reason == nullptr ? "the peer ended the handshake" : reason;
}

// Takes up to `most` bytes off the front; `at`: how much of the first piece is gone.
std::string_view take(std::span<const iovec>& pieces, std::size_t& at, std::size_t most) noexcept {
  const iovec& first = pieces[0];
  const std::string_view part(static_cast<const char*>(first.iov_base) + at,
                              std::min(most, first.iov_len - at));
  at += part.size();
  if (at == first.iov_len) {
    pieces = pieces.subspan(1);
    at = 0;
  }
  return part;
}

}  // namespace

// Both ends of OpenSSL's pipe: it reads and writes in our buffers, with nothing in between.
struct TlsBio {
  static TlsStream& of(BIO* bio) { return *static_cast<TlsStream*>(BIO_get_data(bio)); }
  static int read(BIO* bio, char* into, int most) {
    BIO_clear_retry_flags(bio);
    const std::size_t got = of(bio).give(into, static_cast<std::size_t>(most));
    if (got != 0) return static_cast<int>(got);
    BIO_set_retry_read(bio);
    return -1;
  }
  static int write(BIO* bio, const char* bytes, int size) {
    BIO_clear_retry_flags(bio);
    of(bio).collect(bytes, static_cast<std::size_t>(size));
    return size;
  }
  static long control(BIO*, int command, long, void*) { return command == BIO_CTRL_FLUSH ? 1 : 0; }
  static BIO* open(TlsStream& stream) {
    static BIO_METHOD* const method = [] {
      BIO_METHOD* const made = BIO_meth_new(BIO_get_new_index() | BIO_TYPE_SOURCE_SINK, "stream");
      WEIR_CHECK(made != nullptr);
      BIO_meth_set_read(made, read);
      BIO_meth_set_write(made, write);
      BIO_meth_set_ctrl(made, control);
      return made;
    }();
    BIO* const bio = BIO_new(method);
    WEIR_CHECK(bio != nullptr);
    BIO_set_data(bio, &stream);
    BIO_set_init(bio, 1);
    return bio;
  }
};

TlsStream::TlsStream(std::unique_ptr<Stream> inner, SSL* ssl)
    : inner_(std::move(inner)), ssl_(ssl), self_(std::make_shared<TlsStream*>(this)) {
  BIO* const bio = TlsBio::open(*this);
  SSL_set_bio(ssl_, bio, bio);
  SSL_set_mode(ssl_, SSL_MODE_RELEASE_BUFFERS | SSL_MODE_ACCEPT_MOVING_WRITE_BUFFER);
  inner_->bind(*this);
}

TlsStream::~TlsStream() {
  close();
  *self_ = nullptr;
  SSL_free(ssl_);
}

void TlsStream::close() noexcept {
  if (closed_) return;
  closed_ = true;
  events_ = nullptr;
  // A polite goodbye where there is room for it; nobody waits for the peer's.
  if (SSL_is_init_finished(ssl_) && inner_status_ != IoStatus::failed) {
    (void)SSL_shutdown(ssl_);
    (void)flush();
  }
  ERR_clear_error();
  inner_->close();
}

Task<Result<void>> TlsStream::handshake(TimePoint deadline, CancelScope& cancel) {
  while (true) {
    ERR_clear_error();
    const int done = SSL_do_handshake(ssl_);
    const int wants = done == 1 ? SSL_ERROR_NONE : SSL_get_error(ssl_, done);
    const bool failed = done != 1 && wants != SSL_ERROR_WANT_READ;
    std::string reason = failed ? reason_of(ssl_) : std::string();
    const bool sent = flush();  // alerts too
    if (done == 1 && sent) co_return Result<void>();
    if (failed || !sent || inner_status_ != IoStatus::ok) {
      if (reason.empty()) reason = "connection lost in the handshake";
      co_return fail(Error::Kind::upstream_protocol, Error::Side::upstream, Error::Sent::no,
                     "TLS: " + reason);
    }
    read_inner();
    const Wake wake = co_await handshake_waiter_.wait(deadline, &cancel);
    if (wake == Wake::deadline)
      co_return fail(Error::Kind::deadline_exceeded, Error::Side::upstream, Error::Sent::no,
                     "TLS handshake timed out");
    if (wake == Wake::cancelled)
      co_return fail(Error::Kind::cancelled, Error::Side::client, Error::Sent::no, "cancelled");
  }
}

void TlsStream::read_inner() noexcept {
  if (inner_reading_ || closed_ || inner_status_ != IoStatus::ok) return;
  inner_reading_ = true;
  inner_->start_read();
}

// What waits undecrypted moves to the front of a fresh buffer: it is the begin of a record at most.
std::span<char> TlsStream::read_space() noexcept {
  if (!in_ || in_.capacity() - in_end_ < kRecordMax) {
    Buffer next(Buffer::kReceive);
    const std::size_t left = in_end_ - in_begin_;
    if (left != 0) std::memcpy(next.data(), in_.data() + in_begin_, left);
    in_ = std::move(next);
    in_begin_ = 0;
    in_end_ = left;
  }
  return {in_.data() + in_end_, in_.capacity() - in_end_};
}

std::size_t TlsStream::give(char* into, std::size_t most) noexcept {
  const std::size_t size = std::min(most, in_end_ - in_begin_);
  if (size != 0) std::memcpy(into, in_.data() + in_begin_, size);
  in_begin_ += size;
  if (in_begin_ == in_end_) {
    in_ = Buffer();
    in_begin_ = in_end_ = 0;
  }
  return size;
}

void TlsStream::collect(const char* bytes, std::size_t size) {
  if (out_.capacity() - out_end_ < size) {
    Buffer next(std::max(kOutRoom, unsent() + size));
    if (unsent() != 0) std::memcpy(next.data(), out_.data() + out_begin_, unsent());
    out_end_ = unsent();
    out_begin_ = 0;
    out_ = std::move(next);
  }
  std::memcpy(out_.data() + out_end_, bytes, size);
  out_end_ += size;
}

void TlsStream::on_read(IoStatus status, std::size_t size) noexcept {
  inner_reading_ = false;
  if (status == IoStatus::ok)
    in_end_ += size;
  else
    inner_status_ = status;
  if (handshake_waiter_.waiting()) {
    handshake_waiter_.wake();
    return;
  }
  if ((reading_ || waiting_) && !deliver()) read_inner();
}

// Key updates and alerts. Whoever has us answer on and on and reads none of it is let go.
void TlsStream::answer_control() noexcept {
  (void)flush();
  if (unsent() > kControlMax) inner_status_ = IoStatus::failed;
}

bool TlsStream::deliver() noexcept {
  if (events_ == nullptr) return true;
  if (waiting_) {
    char probe;
    const int have = SSL_peek(ssl_, &probe, 1);
    const int wants = have > 0 ? SSL_ERROR_NONE : SSL_get_error(ssl_, have);
    answer_control();
    if (wants == SSL_ERROR_WANT_READ && inner_status_ == IoStatus::ok) {
      ERR_clear_error();
      return false;
    }
    waiting_ = false;
    events_->on_readable();
    return true;
  }
  ERR_clear_error();
  std::size_t got = 0;
  const std::span<char> into = events_->read_space();
  const int result = SSL_read_ex(ssl_, into.data(), into.size(), &got);
  const int wants = result == 1 ? SSL_ERROR_NONE : SSL_get_error(ssl_, result);
  ERR_clear_error();
  answer_control();
  if (result == 1) {
    reading_ = false;
    events_->on_read(IoStatus::ok, got);
    return true;
  }
  if (wants == SSL_ERROR_WANT_READ && inner_status_ == IoStatus::ok) return false;
  reading_ = false;
  // Only a close_notify is a clean end; a bare end of the connection may be an attacker's cut.
  events_->on_read(wants == SSL_ERROR_ZERO_RETURN ? IoStatus::end : IoStatus::failed, 0);
  return true;
}

void TlsStream::deliver_later() noexcept {
  Shard::current().post([self = self_] {
    TlsStream* stream = *self;
    if (stream == nullptr || stream->closed_ || !(stream->reading_ || stream->waiting_)) return;
    if (!stream->deliver()) stream->read_inner();
  });
}

void TlsStream::start_read() noexcept {
  reading_ = true;
  // What is decrypted already must not wait for the network.
  if (undecrypted() || inner_status_ != IoStatus::ok)
    deliver_later();
  else
    read_inner();
}

void TlsStream::start_wait() noexcept {
  waiting_ = true;
  if (undecrypted() || inner_status_ != IoStatus::ok) {
    deliver_later();
    return;
  }
  if (inner_reading_) return;
  inner_reading_ = true;
  inner_->start_wait();
}

void TlsStream::on_readable() noexcept {
  inner_reading_ = false;
  read_inner();
}

void TlsStream::cancel_read() noexcept {
  // The inner read goes on: what it brings is kept as ciphertext.
  reading_ = waiting_ = false;
}

bool TlsStream::flush() noexcept {
  while (unsent() != 0) {
    const iovec piece{out_.data() + out_begin_, unsent()};
    const std::ptrdiff_t taken = inner_->try_write(std::span<const iovec>(&piece, 1));
    if (taken < 0) return false;
    if (taken == 0) {
      if (!room_asked_ && !closed_) {
        room_asked_ = true;
        inner_->start_writable();
      }
      return true;
    }
    out_begin_ += static_cast<std::size_t>(taken);
  }
  out_ = Buffer();
  out_begin_ = out_end_ = 0;
  return true;
}

// Encrypts in records as large as there may be, whatever the pieces are, and sends several at once.
std::ptrdiff_t TlsStream::try_write(std::span<const iovec> pieces) noexcept {
  if (closed_ || !flush()) return -1;
  if (unsent() != 0) return 0;
  char joined[kRecordMax];
  std::ptrdiff_t taken = 0;
  std::size_t at = 0;  // within the first piece
  while (!pieces.empty()) {
    std::string_view record = take(pieces, at, kRecordMax);
    if (record.size() < kRecordMax && !pieces.empty()) {
      std::size_t size = record.copy(joined, record.size());
      while (size < kRecordMax && !pieces.empty()) {
        const std::string_view part = take(pieces, at, kRecordMax - size);
        size += part.copy(joined + size, part.size());
      }
      record = std::string_view(joined, size);
    }
    if (record.empty()) continue;
    ERR_clear_error();
    std::size_t written = 0;
    if (SSL_write_ex(ssl_, record.data(), record.size(), &written) != 1) {
      ERR_clear_error();
      return taken == 0 ? -1 : taken;
    }
    taken += static_cast<std::ptrdiff_t>(written);
    if (unsent() < kBatch && !pieces.empty()) continue;
    if (!flush()) return -1;
    if (unsent() != 0) return taken;
  }
  return taken;
}

void TlsStream::start_writable() noexcept {
  wants_room_ = true;
  if (room_asked_) return;
  room_asked_ = true;
  inner_->start_writable();
}

void TlsStream::on_writable() noexcept {
  room_asked_ = false;
  const bool alive = flush();
  if (alive && unsent() != 0) return;  // flush has asked again
  if (std::exchange(wants_room_, false) && events_ != nullptr) events_->on_writable();
}

void TlsStream::shutdown_write() noexcept {
  (void)SSL_shutdown(ssl_);
  (void)flush();
}

}  // namespace weir
