// What real calls say of one endpoint: an exact sliding window of ten buckets, and how many failed in a row.
// Counted by every shard without a lock, read on the endpoint's home shard. Source: R8; resilience4j's and
// Linkerd's rings: exact counts, since an average that fades by time hides a burst.
#pragma once

#include <array>
#include <atomic>
#include <cstdint>
#include <string_view>

#include "runtime/time.h"

namespace weir {

/// How an endpoint failed a call or a probe by its own doing. A tool's own error, a JSON-RPC error, a
/// client's abort or a client's fault is none of these.
enum class Fault : std::uint8_t {
  connect,       // it can't be connected to: refused, no route, its process is not there
  timeout,       // no answer in time
  reset,         // the connection ended before the answer did
  server_error,  // HTTP 5xx
  protocol,      // what it sent is no valid answer
  wrong_id,      // it answered what was not asked
};
std::string_view to_string(Fault fault) noexcept;

class Window {
 public:
  /// `span`: what is looked back on.
  explicit Window(Duration span) noexcept;

  /// Any shard. A success costs at most two atomic operations.
  void succeeded(TimePoint now) noexcept;
  void failed(Fault fault, TimePoint now) noexcept;

  /// What is in the window.
  struct Reading {
    std::uint32_t succeeded = 0;
    std::uint32_t failed = 0;
    std::uint32_t in_a_row = 0;      // of any fault but server_error, since the last success
    std::uint32_t in_a_row_5xx = 0;  // of server_error, likewise
    Fault last = Fault::connect;     // where something failed
    TimePoint last_success{};        // epoch: never
    TimePoint last_failure{};
  };
  Reading read(TimePoint now) const noexcept;
  /// Forgets all: a new beginning. Counts that come at the same moment may stay.
  void clear() noexcept;
};

}  // namespace weir
