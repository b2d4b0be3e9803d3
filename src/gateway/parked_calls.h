// The bridge from a client of the new revision to an old server: what the server asks during a call becomes
// an `input_required` result, while the call itself stays open here, parked, until the client's retry brings
// the answers. A parked call lives on the shard that made it; its retry finds it from any other. It ends
// exactly once: answered, given up by a retry's client, or after `timeout.input`. Source: MCP 2026-07-28
// basic/patterns/mrtr.
#pragma once

#include <memory>
#include <span>
#include <string>
#include <vector>

#include "gateway/held_call.h"
#include "gateway/lists.h"
#include "gateway/request_state.h"
#include "runtime/nursery.h"

namespace weir {

class ParkedCalls {
 public:
  /// Parked calls of one shard at a time; over it the server is told that nobody can be asked.
  static constexpr std::size_t kPerShardMax = 10'000;
  /// Of one caller, by address or token, what is parked or was: each holds a call of its server's.
  static constexpr std::size_t kPerOwnerMax = 250;

  /// `shards` as the gateway has them; `states` outlives this.
  ParkedCalls(std::span<Shard* const> shards, const RequestStates& states);
  ~ParkedCalls();

  /// Makes the call, held, so that it can be parked. `leaf` as the router prepared it; `peer`: the server as
  /// it is known at present.
  Task<Result<Reply>> call(ClientCall& by, Call& leaf, std::size_t server, std::shared_ptr<const Peer> peer);
  /// Goes on with a parked call: `by` is the client's retry, `state` what it brought. Errors: input_expired
  /// (gone, or being answered already), not_found (malformed answers; the call stays parked). `server` is set
  /// to the name of the server that asked.
  Task<Result<Reply>> resume(ClientCall& by, RequestState state, std::string& server);
  /// Calls parked on this shard.
  std::size_t size() const noexcept;
  /// Ends them all and lets no more in. This shard's part.
  Task<void> close();

 private:
  struct Parked;
  struct Table;
  class Parking;
  class Resumed;
  struct Seat;

  Table& table() const noexcept;
  Result<Message> park(std::shared_ptr<Parked> parked);
  Task<Result<Reply>> resume_here(ClientCall& by, std::uint64_t number, std::shared_ptr<Seat> seat,
                                  CancelScope& scope);
  Task<void> expire(Table& table);

  const std::vector<Shard*> shards_;
  const RequestStates& states_;
  std::vector<std::unique_ptr<Table>> tables_;  // by shard index
};

}  // namespace weir
