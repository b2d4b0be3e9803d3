#include "http/tls_stream.h"

#include <openssl/err.h>
#include <openssl/x509.h>

#include <algorithm>
#include <utility>

#include "base/check.h"
#include "runtime/shard.h"

namespace weir {
namespace {

constexpr std::size_t kCipherRead = 16384;
constexpr int kControlMax = 256 * 1024;

std::string reason_of(SSL* ssl) {
  const long verified = SSL_get_verify_result(ssl);
  if (verified != X509_V_OK) return std::string("certificate: ") + X509_verify_cert_error_string(verified);
  const unsigned long code = ERR_peek_error();
  const char* reason = code == 0 ? nullptr : ERR_reason_error_string(code);
  return reason == nullptr ? "the peer ended the handshake" : reason;
}

}  // namespace

TlsStream::TlsStream(std::unique_ptr<Stream> inner, SSL* ssl)
    : inner_(std::move(inner)),
      ssl_(ssl),
      cipher_in_(BIO_new(BIO_s_mem())),
      cipher_out_(BIO_new(BIO_s_mem())),
      self_(std::make_shared<TlsStream*>(this)) {
  BIO_set_mem_eof_return(cipher_in_, -1);
  SSL_set_bio(ssl_, cipher_in_, cipher_out_);
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

std::span<char> TlsStream::read_space() noexcept {
  if (!raw_) raw_ = Buffer(kCipherRead);
  return {raw_.data(), kCipherRead};
}

void TlsStream::on_read(IoStatus status, std::size_t size) noexcept {
  inner_reading_ = false;
  if (status == IoStatus::ok)
    BIO_write(cipher_in_, raw_.data(), static_cast<int>(size));
  else
    inner_status_ = status;
  raw_ = Buffer();
  if (handshake_waiter_.waiting()) {
    handshake_waiter_.wake();
    return;
  }
  if ((reading_ || waiting_) && !deliver()) read_inner();
}

// Key updates and alerts. Whoever has us answer on and on and reads none of it is let go.
void TlsStream::answer_control() noexcept {
  (void)flush();
  if (BIO_pending(cipher_out_) > kControlMax) inner_status_ = IoStatus::failed;
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
  if (SSL_has_pending(ssl_) == 1 || BIO_pending(cipher_in_) != 0 || inner_status_ != IoStatus::ok)
    deliver_later();
  else
    read_inner();
}

void TlsStream::start_wait() noexcept {
  waiting_ = true;
  if (SSL_has_pending(ssl_) == 1 || BIO_pending(cipher_in_) != 0 || inner_status_ != IoStatus::ok) {
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
  while (true) {
    if (unsent_ == 0) {
      const int got = BIO_read(cipher_out_, out_.data(), static_cast<int>(out_.size()));
      if (got <= 0) return true;
      unsent_begin_ = 0;
      unsent_ = static_cast<std::size_t>(got);
    }
    const iovec piece{out_.data() + unsent_begin_, unsent_};
    const std::ptrdiff_t taken = inner_->try_write(std::span<const iovec>(&piece, 1));
    if (taken < 0) return false;
    if (taken == 0) {
      if (!room_asked_ && !closed_) {
        room_asked_ = true;
        inner_->start_writable();
      }
      return true;
    }
    unsent_begin_ += static_cast<std::size_t>(taken);
    unsent_ -= static_cast<std::size_t>(taken);
  }
}

std::ptrdiff_t TlsStream::try_write(std::span<const iovec> pieces) noexcept {
  if (closed_ || !flush()) return -1;
  if (full()) return 0;
  std::ptrdiff_t taken = 0;
  for (const iovec& piece : pieces) {
    const char* from = static_cast<const char*>(piece.iov_base);
    std::size_t left = piece.iov_len;
    while (left != 0) {
      ERR_clear_error();
      std::size_t written = 0;
      if (SSL_write_ex(ssl_, from, std::min<std::size_t>(left, 16384), &written) != 1) {
        ERR_clear_error();
        return taken == 0 ? -1 : taken;
      }
      from += written;
      left -= written;
      taken += static_cast<std::ptrdiff_t>(written);
      if (!flush()) return -1;
      if (full()) return taken;
    }
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
  if (alive && full()) return;  // flush has asked again
  if (std::exchange(wants_room_, false) && events_ != nullptr) events_->on_writable();
}

void TlsStream::shutdown_write() noexcept {
  (void)SSL_shutdown(ssl_);
  (void)flush();
}

}  // namespace weir
