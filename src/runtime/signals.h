// Signals as values of one shard: blocked in every thread, read from a descriptor.
#pragma once

#include <csignal>
#include <initializer_list>
#include <memory>

#include "runtime/channel.h"
#include "runtime/stream.h"
#include "runtime/task.h"

namespace weir {

/// Blocks `signals` for the calling thread and all it starts later; call it first in main(). Children must
/// unblock.
void block_signals(std::initializer_list<int> signals);

class Signals {
 public:
  /// Takes the blocked `signals` on the calling shard. Errors: Kind::internal.
  static Result<std::unique_ptr<Signals>> take(Network& network, std::initializer_list<int> signals);
  /// The next signal's number; an Error when cancelled.
  Task<Result<int>> next(CancelScope& cancel);

 private:
  explicit Signals(std::unique_ptr<Stream> stream) : channel_(std::move(stream)) {}
  Channel channel_;
};

}  // namespace weir
