// What all storms share: the gateway on simulated shards, the doors that it takes clients through, servers
// that go down and configurations that change, and the looks at what is left when all is over. Drawn from one
// seed.
#pragma once

#include <memory>
#include <string>
#include <vector>

#include "front/http_entry.h"
#include "gateway/gateway.h"
#include "sim/sim_world.h"

namespace weir::sim {

class Stage : public FrontObserver {
 public:
  /// Where a server of the storm is.
  struct Place {
    std::string name;
    SocketAddress address;
  };
  ~Stage() override;

 protected:
  static constexpr std::size_t kWorkers = 2;
  static constexpr std::size_t kControl = 2;  // the gateway's last shard
  static constexpr std::size_t kServers = 3;
  static constexpr std::size_t kClients = 4;
  static constexpr std::size_t kShards = 5;
  static constexpr std::chrono::milliseconds kTimeout{2000};
  static constexpr std::chrono::milliseconds kListTime{1000};

  /// `servers`: how many there are; `violations` gets what the gateway does wrong.
  Stage(std::uint64_t seed, std::size_t servers, std::vector<std::string>& violations);

  void finished(const RequestRecord&) override {}
  /// What the gateway runs with; another one after each change of `header_`.
  virtual Config config();

  /// Takes the present configuration.
  void apply();
  /// One change: another configuration, or a server that is away for up to `away`.
  Task<void> change_one(unsigned reload_in, Duration away);
  /// Opens the doors, and begins `direct` on the control shard.
  void begin(std::function<Task<void>()> direct);
  /// As a process ends: clients first, then the servers.
  Task<void> close(bool abrupt);
  /// All connections to servers that are still open are a fault.
  void judge_connections(const std::string& when);
  Task<void> wait_for_quiet();
  /// Calls that the gateway still has under way.
  std::uint32_t in_flight() const;
  /// Runs to the end. False: it hangs.
  bool run_world(std::size_t steps_max = 100'000'000);
  /// After run_world(): takes the gateway down; nothing may be left of it.
  void take_down();

  static const SocketAddress& gateway_address();
  void blame(std::string what) { violations_.push_back(std::move(what)); }
  std::size_t draw(std::size_t bound) { return static_cast<std::size_t>(world_.random()() % bound); }
  Task<void> sleep(Duration time) { (void)co_await Sleep(world_.now() + time, nullptr); }

  World world_;
  std::vector<Place> places_;
  std::vector<Shard*> shards_;
  std::unique_ptr<Gateway> gateway_;
  CancelScope servers_stop_;
  int clients_left_ = 0;
  bool storming_ = true;

 private:
  struct Door;
  Task<void> let_in(Door& door);

  std::vector<std::string>& violations_;
  std::vector<std::unique_ptr<Door>> doors_;
  std::vector<std::weak_ptr<Upstream>> upstreams_;  // all that there ever were
  int header_ = 0;                                  // its change makes a server new

 protected:
  /// Connections of clients that are served at present.
  std::size_t connections() const;
};

}  // namespace weir::sim
