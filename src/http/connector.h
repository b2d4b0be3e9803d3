// Opens connections to one origin: resolves the name off the loop, tries all addresses, shakes hands where it
// is https.
#pragma once

#include <memory>
#include <string>

#include "base/error.h"
#include "http/tls.h"
#include "runtime/channel.h"
#include "runtime/task.h"
#include "runtime/time.h"

namespace weir {

/// Where to connect to: scheme, host, port and trust.
struct Origin {
  Origin() = default;
  Origin(std::string host_name, std::uint16_t port_number, bool is_tls, std::string ca_path)
      : host(std::move(host_name)), port(port_number), tls(is_tls), ca_file(std::move(ca_path)) {}
  std::string host;  // a name or a numeric address, without brackets
  std::uint16_t port = 0;
  bool tls = false;
  std::string ca_file;           // PEM; empty: the system's trust store
  bool own_certificate = false;  // ca_file begins with the server's own, which is trusted alone
  std::string address;           // numeric: where the host is for this origin; empty: wherever its name leads
};

/// One shard. OpenSSL is loaded with the first https connection.
class Connector {
 public:
  explicit Connector(Origin origin) : origin_(std::move(origin)) {}

  /// A new connection within `deadline`. Errors are Sent::no: unreachable (all addresses refused; the detail
  /// names the last reason), upstream_protocol (TLS), deadline_exceeded, cancelled.
  Task<Result<std::unique_ptr<Channel>>> connect(TimePoint deadline, CancelScope& cancel);
  const Origin& origin() const noexcept { return origin_; }

 private:
  Task<Result<std::unique_ptr<Stream>>> secure(std::unique_ptr<Stream> stream, TimePoint deadline,
                                               CancelScope& cancel);

  Origin origin_;
  std::unique_ptr<TlsContext> tls_;
};

}  // namespace weir
