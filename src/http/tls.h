// TLS as a Stream over a Stream, by OpenSSL's memory BIOs: the same code over sockets and in simulations.
// Verification cannot be switched off: a client checks the chain and the host's name, always. TLS 1.2 and up.
#pragma once

#include <memory>
#include <string>

#include "base/error.h"
#include "runtime/stream.h"
#include "runtime/task.h"
#include "runtime/time.h"

namespace weir {

class CancelScope;

/// Keys and trust of one side; immutable after making but for the client's cache of sessions. A client's: one
/// shard; a server's: any.
class TlsContext {
 public:
  /// Trusts the system's store, or only the certificates in the PEM file `ca_file` when it is not empty.
  /// Errors: Kind::invalid_request with OpenSSL's reason.
  static Result<std::unique_ptr<TlsContext>> client(const std::string& ca_file);
  /// Trusts the server whose own certificate is the first in `cert_file`, whatever it is called.
  static Result<std::unique_ptr<TlsContext>> client_of(const std::string& cert_file);
  /// Serves the chain in `cert_file` with the key in `key_file`, both PEM; of the protocols that a client
  /// offers (ALPN, RFC 7301) http/1.1 alone. TLS 1.2 with forward secrecy and AEAD only. Errors:
  /// Kind::invalid_request with OpenSSL's reason.
  static Result<std::unique_ptr<TlsContext>> server(const std::string& cert_file,
                                                    const std::string& key_file);
  ~TlsContext();
  TlsContext(const TlsContext&) = delete;
  TlsContext& operator=(const TlsContext&) = delete;

  /// Shakes hands over `stream`. A client names `host` (SNI) and verifies it, resuming its last session with
  /// it; a server ignores it. Errors: upstream_protocol (handshake or verification failed, the reason in the
  /// detail), deadline_exceeded, cancelled; all Sent::no.
  Task<Result<std::unique_ptr<Stream>>> wrap(std::unique_ptr<Stream> stream, std::string host,
                                             TimePoint deadline, CancelScope& cancel);

  struct Inner;

 private:
  explicit TlsContext(std::unique_ptr<Inner> inner);
  std::unique_ptr<Inner> inner_;
};

/// True if the handshake under `stream`, made by wrap(), resumed an earlier session.
bool tls_resumed(const Stream& stream);

}  // namespace weir
