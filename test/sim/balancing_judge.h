// Looks at every pick of a balancing storm: between two turns of the simulator the counts of picks tell who
// was chosen, and how all stood. Its notion of panic is its own, so that it shares no mistakes with the
// roster.
#pragma once

#include <map>
#include <memory>
#include <string>
#include <vector>

#include "gateway/upstream.h"
#include "sim/sim_world.h"

namespace weir::sim {

/// What there was to see: a storm is worth something only if there was.
struct BalancingSights {
  std::size_t picks = 0;
  std::size_t trials = 0;    // calls of endpoints that were out
  std::size_t in_panic = 0;  // picks while health was not looked at
  std::size_t out = 0;       // times that an endpoint became unhealthy
  std::size_t ejected = 0;   // of these, for failing calls
  std::size_t returned = 0;
  std::size_t drained = 0;
  std::size_t drained_busy = 0;  // with calls under way
};

class BalancingJudge {
 public:
  BalancingJudge(World& world, std::vector<std::string>& violations)
      : world_(world), violations_(violations) {}

  /// These are the servers from now on. After each change of the configuration, in the same turn.
  void follow(const std::vector<std::shared_ptr<Upstream>>& servers);
  /// After each step.
  void look();
  /// True if the server's endpoint with this URL could get calls all the time since then.
  bool usable_since(const std::string& server, const std::string& url, TimePoint since) const;
  const BalancingSights& sights() const noexcept { return sights_; }

 private:
  /// One endpoint as it was after the step before.
  struct Before {
    std::uint64_t picked = 0;
    bool unhealthy = false;
    bool draining = false;
  };
  struct Server {
    std::weak_ptr<Upstream> upstream;
    std::map<std::uint32_t, Before> endpoints;  // by number
    std::size_t trials = 0;                     // how many were out for failing calls
    bool panic = false;
    std::shared_ptr<const EndpointSet> set;
  };
  void look_at(Server& server);
  void judge_picks(const Server& server, const EndpointSet& set, const SetMember& member,
                   const Before& before, bool unhealthy, bool panic);
  void note_usable(const std::string& name, const EndpointSet& set);
  void blame(const Endpoint& endpoint, const std::string& what);

  World& world_;
  std::vector<std::string>& violations_;
  std::vector<Server> servers_;
  std::map<std::pair<std::string, std::string>, TimePoint> unusable_;  // by server and URL: when it was last
  BalancingSights sights_;
};

}  // namespace weir::sim
