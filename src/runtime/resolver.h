// Names to addresses by the system's resolver (hosts file, DNS, whatever the machine uses), off the loop: one
// thread per shard, started with the first name. A look-up that nobody waits for any more ends by itself.
#pragma once

#include <memory>
#include <string>
#include <vector>

#include "runtime/stream.h"

namespace weir {

class Shard;

class Resolver {
 public:
  explicit Resolver(Shard& shard);
  /// Does not wait for a look-up under way: its thread finds no one and ends.
  ~Resolver();
  Resolver(const Resolver&) = delete;
  Resolver& operator=(const Resolver&) = delete;

  /// All addresses of `host`. Errors: unreachable, deadline_exceeded, cancelled; all Sent::no.
  Task<Result<std::vector<SocketAddress>>> look_up(std::string host, std::uint16_t port, TimePoint deadline,
                                                   CancelScope& cancel);

  struct Desk;  // what this and the thread share

 private:
  std::shared_ptr<Desk> desk_;
};

}  // namespace weir
