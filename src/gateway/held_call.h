// A call that owns all it needs, so that it may go on after the request that began it has been answered. It
// holds the upstream's reply too: when it goes, the upstream's call ends. One shard.
#pragma once

#include <memory>
#include <string>

#include "call/call.h"
#include "runtime/waiter.h"

namespace weir {

class HeldCall {
 public:
  /// Copies whatever `from` only looks at.
  explicit HeldCall(const Call& from);
  HeldCall(const HeldCall&) = delete;
  HeldCall& operator=(const HeldCall&) = delete;

  /// The call to make, and the scope that ends it.
  Call& call() noexcept { return call_; }
  CancelScope& scope() noexcept { return scope_; }

 private:
  struct Texts {
    std::string target, name, identity, client_info, capabilities, log_level, session, param_headers, parent,
        state, request_state;
  };
  Texts texts_;
  Message message_;
  CancelScope scope_;
  Call call_;

 public:
  /// What the upstream gave back; its first event is taken out by whoever reads on. It ends before the rest.
  Reply reply;
};

}  // namespace weir
