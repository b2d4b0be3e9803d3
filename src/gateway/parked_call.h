// One call that waits for its client, and the table of those on one shard.
#pragma once

#include <map>
#include <memory>
#include <string>
#include <vector>

#include "gateway/parked_calls.h"
#include "mcp/client_requests.h"
#include "runtime/nursery.h"

namespace weir {

/// A request of the server's that waits for the client.
struct Ask {
  InputRequest request;
  std::string raw_id;  // the server's
  std::shared_ptr<ServerLink> asker;
};

/// A message around what the server has said: it may be too much, or too deep, where that alone was not.
Result<Message> input_message(std::string_view text);
/// What the server is told whose question its client has not answered.
std::string input_ended(std::string_view raw_id);

/// How many calls each caller has on one shard whose servers have asked for something.
using Shares = std::map<std::string, std::size_t>;

/// A call with what it waits for.
struct ParkedCalls::Parked {
  Parked(const Call& leaf, const ClientCall& by, std::size_t server, std::shared_ptr<const Peer> peer,
         std::shared_ptr<Shares> all)
      : held(std::make_shared<HeldCall>(leaf, by.plan.servers[server], std::move(peer))),
        owner(by.client.identity),
        shares(std::move(all)) {}
  ~Parked() {
    for (const Ask& ask : asks) ask.asker->send(input_ended(ask.raw_id));
    held->end();
    if (!counted) return;
    if (const auto mine = shares->find(owner); --mine->second == 0) shares->erase(mine);
  }
  // False: its caller has too many such calls.
  bool count() {
    if (counted) return true;
    std::size_t& mine = (*shares)[owner];
    counted = mine < kPerOwnerMax;
    mine += counted ? 1 : 0;
    return counted;
  }

  std::shared_ptr<HeldCall> held;  // the call itself
  std::string owner;               // its caller's identity
  std::shared_ptr<Shares> shares;  // of its shard
  bool counted = false;            // in shares
  std::vector<Ask> asks;           // that have no answer
  unsigned asked = 0;              // in all
  TimePoint expires{};             // while it waits
};

/// Those of one shard, touched by it alone.
struct ParkedCalls::Table {
  std::map<std::uint64_t, std::shared_ptr<Parked>> waiting;  // by the number in their state
  std::shared_ptr<Shares> shares = std::make_shared<Shares>();
  std::uint64_t next = 1;  // number
  bool closed = false;     // nothing more is parked
  bool watched = false;    // a fiber ends what has expired, until `stop`
  CancelScope stop;
  Waiter changed;  // what expires next
  Nursery fibers;
};

}  // namespace weir
