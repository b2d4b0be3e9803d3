// A leaf of the stack: one way to reach an upstream. It knows its wire, the era it is told in Call::peer, and
// nothing of policies.
#pragma once

#include <memory>

#include "call/call.h"
#include "call/service.h"

namespace weir {

/// One shard's access to one upstream.
class Transport : public Service {
 public:
  /// Asks the upstream who it is, in either era. Errors: unreachable, needs_authorization, upstream_protocol,
  /// deadline_exceeded, cancelled.
  virtual Task<Result<std::shared_ptr<const Peer>>> greet(TimePoint deadline, CancelScope& cancel) = 0;
  /// Ends what it holds; calls under way have ended before. Then it may be destroyed.
  virtual Task<void> close() = 0;
};

/// The HTTP and JSON-RPC errors that mean "not now" or "not like that" rather than "not there".
Error error_of_status(int status, std::string_view retry_after, Error::Sent sent);

}  // namespace weir
