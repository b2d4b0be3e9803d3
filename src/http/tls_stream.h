// One TLS connection: ciphertext of the inner Stream on one side, plaintext on the other. Made by
// TlsContext::wrap.
#pragma once

#include <openssl/ssl.h>

#include <memory>
#include <string>

#include "base/bytes.h"
#include "runtime/stream.h"
#include "runtime/task.h"
#include "runtime/waiter.h"

namespace weir {

class TlsStream final : public Stream, private StreamEvents {
 public:
  /// Owns `ssl`, whose state (connect or accept) is set.
  TlsStream(std::unique_ptr<Stream> inner, SSL* ssl);
  ~TlsStream() override;

  /// Shakes hands; before anything else. Errors as TlsContext::wrap says.
  Task<Result<void>> handshake(TimePoint deadline, CancelScope& cancel);
  /// True if an earlier session was resumed.
  bool resumed() const noexcept { return SSL_session_reused(ssl_) == 1; }

  void bind(StreamEvents& events) noexcept override { events_ = &events; }
  void start_read() noexcept override;
  void start_wait() noexcept override;
  void cancel_read() noexcept override;
  std::ptrdiff_t try_write(std::span<const iovec> pieces) noexcept override;
  void start_writable() noexcept override;
  void shutdown_write() noexcept override;
  void close() noexcept override;
  std::string peer() const override { return inner_->peer(); }

 private:
  std::span<char> read_space() noexcept override;
  void on_read(IoStatus status, std::size_t size) noexcept override;
  void on_writable() noexcept override;
  void on_readable() noexcept override;

  void read_inner() noexcept;
  bool deliver() noexcept;  // true if an event went out
  void deliver_later() noexcept;
  void answer_control() noexcept;
  bool flush() noexcept;  // false: lost
  std::size_t unsent() const noexcept { return out_end_ - out_begin_; }
  bool undecrypted() const noexcept { return SSL_has_pending(ssl_) == 1 || in_begin_ != in_end_; }

  friend struct TlsBio;
  std::size_t give(char* into, std::size_t most) noexcept;
  void collect(const char* bytes, std::size_t size);

  std::unique_ptr<Stream> inner_;
  SSL* ssl_;
  StreamEvents* events_ = nullptr;
  Buffer in_;  // ciphertext that came; none while there is none
  std::size_t in_begin_ = 0;
  std::size_t in_end_ = 0;
  Buffer out_;  // ciphertext that is to go; none while there is none
  std::size_t out_begin_ = 0;
  std::size_t out_end_ = 0;
  bool inner_reading_ = false;
  bool reading_ = false;
  bool waiting_ = false;
  bool wants_room_ = false;
  bool room_asked_ = false;
  bool closed_ = false;
  IoStatus inner_status_ = IoStatus::ok;
  std::shared_ptr<TlsStream*> self_;  // null inside once this is gone: what was posted finds no one
  Waiter handshake_waiter_;
};

}  // namespace weir
