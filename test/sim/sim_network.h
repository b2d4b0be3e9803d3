// The simulator's in-memory network: connections with latency, slicing, bounded windows and cuts.
#pragma once

#include <deque>
#include <map>
#include <memory>
#include <optional>
#include <set>
#include <string>
#include <vector>

#include "sim/sim_world.h"

namespace weir::sim {

class SimListener;
struct Wire;

struct World::Ground {
  std::map<std::pair<std::string, std::uint16_t>, std::vector<SimListener*>> listeners;
  std::set<std::pair<std::string, std::uint16_t>> down;
  std::map<std::string, std::optional<NameAnswer>> names;
  std::vector<std::weak_ptr<Wire>> wires;
  std::uint16_t next_port = 40000;
};

std::unique_ptr<Network> make_sim_network(World& world, Shard& shard);
/// Breaks the connection of a simulated stream for both ends: what is under way is lost.
void reset_connection(Stream& stream);

}  // namespace weir::sim
