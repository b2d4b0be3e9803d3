// What an upstream keeps besides its declaration, for the files that make it up.
#pragma once

#include <memory>
#include <optional>

#include "gateway/endpoint.h"

namespace weir {

/// A caller that waits for the next outcome of getting to know the server. Home shard.
struct Endpoint::Wish {
  Waiter waiter;
  std::optional<Result<std::shared_ptr<const Peer>>> outcome;
};

/// One shard's view: touched by that shard only.
struct Endpoint::Seat {
  explicit Seat(const Published<ServerStatus>& status) : reader(status) {}
  Published<ServerStatus>::Reader reader;
  std::unique_ptr<Transport> transport;
  CancelScope stop;  // ends the calls that outlive the deadline of close()
};

}  // namespace weir
