// What real calls say of one endpoint: how many were good and how many bad in a sliding window, and how many
// failed in a row. Counted by every shard without a lock, read on the endpoint's home shard. Source: R8.
#pragma once

#include <atomic>
#include <cstdint>
#include <string_view>

#include "call/sliding_count.h"
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
/// The fault's name, for metrics' labels.
std::string_view to_string(Fault fault) noexcept;

class Window {
 public:
  /// `span`: what is looked back on.
  explicit Window(Duration span) noexcept;

  /// Counts a good call. Any shard. It costs at most two atomic writes, of which one is read-modify-write.
  void succeeded(TimePoint now) noexcept;
  /// Counts a failed call. Any shard.
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
  /// The window as it is at `now`: the slice that is under way and the nine before it.
  Reading read(TimePoint now) const noexcept;
  /// Forgets all: a new beginning. Counts that come at the same moment may stay.
  void clear() noexcept;

 private:
  SlidingCount good_;
  SlidingCount bad_;
  std::atomic<std::uint64_t> rows_{0};  // in_a_row_5xx << 32 | in_a_row: one look tells that both are 0
  std::atomic<TimePoint::rep> last_success_{0};
  std::atomic<TimePoint::rep> last_failure_{0};
  std::atomic<Fault> last_{Fault::connect};
};

}  // namespace weir
