// A storm: the real gateway between scripted clients and scripted servers on the simulated network, with
// weather, servers that go down and configurations that change, all drawn from one seed.
#pragma once

#include <memory>
#include <string>
#include <vector>

#include "front/http_entry.h"
#include "gateway/gateway.h"
#include "sim/scripted_client.h"
#include "sim/scripted_upstream.h"

namespace weir::sim {

/// What came of a storm. The violations are empty, or the gateway has a fault.
struct StormReport {
  Tally tally;
  std::map<std::string, int> acts;  // what the servers did
  std::size_t calls_seen = 0;       // calls that reached a server
  std::size_t requests = 0;         // as the gateway counts them
  TimePoint ended{};
};

class Storm final : public FrontObserver {
 public:
  struct Options {
    int clients = 8;
    int calls = 25;         // of each
    bool abrupt = false;    // the gateway is closed in the middle
    unsigned trouble = 30;  // of a hundred calls
  };
  Storm(std::uint64_t seed, Options options);
  ~Storm() override;
  /// Once.
  StormReport run();

 private:
  struct Door;
  static constexpr std::size_t kWorkers = 2;
  static constexpr std::size_t kControl = 2;  // the gateway's last shard
  static constexpr std::size_t kServers = 3;
  static constexpr std::size_t kClients = 4;
  static constexpr std::size_t kShards = 5;

  void finished(const RequestRecord& record) override;
  Task<void> direct();
  Task<void> change_things();
  Task<void> let_in(Door& door);
  Task<void> one_client(ScriptedClient::Options options);
  Task<void> wait_for_rest();
  Task<void> probe();
  Task<void> close();
  void check_calls();
  Config config();
  void blame(std::string what) { report_.tally.violations.push_back(std::move(what)); }
  std::size_t draw(std::size_t bound) { return static_cast<std::size_t>(world_.random()() % bound); }
  Task<void> sleep(Duration time);

  const Options options_;
  World world_;
  StormReport report_;
  std::vector<std::unique_ptr<ScriptedUpstream>> servers_;
  std::vector<Shard*> shards_;
  std::unique_ptr<Gateway> gateway_;
  std::vector<std::unique_ptr<Door>> doors_;
  std::vector<std::weak_ptr<Upstream>> upstreams_;  // all that there ever were
  CancelScope servers_stop_;
  int clients_left_ = 0;
  int header_ = 0;  // its change makes a server new
  bool storming_ = true;
};

}  // namespace weir::sim
