// A storm of questions: servers of both eras that ask, clients of both that answer in all the ways they do,
// the gateway's bridges between. Drawn from one seed.
#pragma once

#include <memory>
#include <string>
#include <vector>

#include "front/http_entry.h"
#include "gateway/gateway.h"
#include "sim/asking_client.h"
#include "sim/asking_upstream.h"

namespace weir::sim {

/// What came of it. The violations are empty, or the gateway has a fault.
struct AskReport {
  AskTally tally;
  int questions = 0;  // that servers asked
  int answers = 0;    // that came to them
};

class AskingStorm final : public FrontObserver {
 public:
  /// `abrupt`: the gateway is closed in the middle.
  AskingStorm(std::uint64_t seed, bool abrupt);
  ~AskingStorm() override;
  /// Once.
  AskReport run();

 private:
  struct Door;
  static constexpr std::size_t kWorkers = 2;
  static constexpr std::size_t kControl = 2;
  static constexpr std::size_t kServers = 3;
  static constexpr std::size_t kClients = 4;
  static constexpr std::size_t kShards = 5;

  void finished(const RequestRecord&) override {}
  Config config();
  Task<void> let_in(Door& door);
  Task<void> direct();
  Task<void> change_things();
  Task<void> one_client(AskingClient::Options options);
  Task<void> wait_for_rest();
  Task<void> close();
  Task<std::size_t> parked(Shard& shard);
  void note_upstreams();
  void blame(std::string what) { report_.tally.violations.push_back(std::move(what)); }
  std::size_t draw(std::size_t bound) { return static_cast<std::size_t>(world_.random()() % bound); }
  Task<void> sleep(Duration time) { (void)co_await Sleep(world_.now() + time, nullptr); }

  const bool abrupt_;
  World world_;
  AskReport report_;
  std::vector<std::unique_ptr<AskingUpstream>> servers_;
  std::vector<Shard*> shards_;
  std::unique_ptr<Gateway> gateway_;
  std::vector<std::unique_ptr<Door>> doors_;
  std::vector<std::weak_ptr<Upstream>> upstreams_;
  CancelScope servers_stop_;
  int clients_left_ = 0;
  int header_ = 0;
  bool storming_ = true;
};

}  // namespace weir::sim
