// What was refused because its sender may not send it: counted by reason, for metrics. Process-wide; any
// thread.
#pragma once

#include <cstdint>
#include <string_view>

namespace weir {

/// Why something was refused.
enum class Rejected : std::uint8_t {
  late_answer,     // a client's answer to nothing that it is asked at present: late, doubled or foreign
  bad_answer,      // a client's answer whose result is no object
  request_state,   // a requestState that was not given out for this request and this client
  event_id,        // a Last-Event-ID that names no event which is kept
  server_request,  // a server's request that no client can be asked
  slow_reader,     // a stream whose client has fallen too far behind
  count_
};
/// The label of a reason.
std::string_view to_string(Rejected reason) noexcept;
/// Counts one more.
void count_rejected(Rejected reason) noexcept;
/// How many there were.
std::uint64_t rejected_so_far(Rejected reason) noexcept;

}  // namespace weir
