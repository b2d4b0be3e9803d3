// A leaf of the stack: one way to reach an upstream. It knows its wire, the era it is told in Call::peer, and
// nothing of policies.
#pragma once

#include <functional>
#include <memory>

#include "call/call.h"
#include "call/service.h"
#include "mcp/handshake.h"

namespace weir {

/// A message of the server's that belongs to no call; `asker` is set for a request.
using StrayMessage = std::function<void(Message message, std::shared_ptr<ServerLink> asker)>;

/// What a transport tells of itself, on its shard.
struct TransportHooks {
  std::function<void()> lost;  // a connection that had been greeted is gone for good
  StrayMessage stray;          // on transports where calls and all else share one stream
};

/// One shard's access to one upstream.
class Transport : public Service {
 public:
  /// Asks the upstream who it is, in either era; in the old one a session begins, as `as` says. Errors:
  /// unreachable, needs_authorization, upstream_protocol, deadline_exceeded, cancelled.
  virtual Task<Result<std::shared_ptr<const Peer>>> greet(const Introduction& as, TimePoint deadline,
                                                          CancelScope& cancel) = 0;
  /// Asks a server that is known, without any effect on what is known of it, whether it is still there: what
  /// it says of itself now. Nothing: it is there, and another one than it was, or not to be asked like this.
  /// Errors: as a call's.
  virtual Task<Result<std::optional<ServerFacts>>> check(const Peer& peer, TimePoint deadline,
                                                         CancelScope& cancel) {
    (void)peer, (void)deadline, (void)cancel;
    co_return std::optional<ServerFacts>();
  }
  /// One more session with a server known to be old, where a connection can have several. Errors as greet().
  virtual Task<Result<std::shared_ptr<const Peer>>> open(const Introduction& as, TimePoint deadline,
                                                         CancelScope& cancel) {
    return greet(as, deadline, cancel);
  }
  /// Ends such a session; nobody waits for it.
  virtual void end(const Peer& peer) { (void)peer; }
  /// Sends a notification in a session; nobody waits for it.
  virtual void notify(const Peer& peer, std::string message) = 0;
  /// Reads what an old session says outside of calls, where that is a stream of its own, until `cancel`, or
  /// until the server does not offer it. `stray` is called for each message, `begun` (may be empty) each time
  /// that the stream is there.
  virtual Task<void> listen(std::shared_ptr<const Peer> peer, const StrayMessage& stray,
                            std::function<void()> begun, CancelScope& cancel) {
    (void)peer, (void)stray, (void)begun, (void)cancel;
    co_return;
  }
  /// Ends what it holds; calls under way have ended before. Then it may be destroyed.
  virtual Task<void> close() = 0;
};

/// The HTTP and JSON-RPC errors that mean "not now" or "not like that" rather than "not there".
Error error_of_status(int status, std::string_view retry_after, Error::Sent sent);

}  // namespace weir
