// A storm: the real gateway between scripted clients and scripted servers on the simulated network, with
// weather, servers that go down and configurations that change, all drawn from one seed.
#pragma once

#include <memory>
#include <string>
#include <vector>

#include "sim/scripted_client.h"
#include "sim/scripted_upstream.h"
#include "sim/stage.h"

namespace weir::sim {

/// What came of a storm. The violations are empty, or the gateway has a fault.
struct StormReport {
  Tally tally;
  std::map<std::string, int> acts;  // what the servers did
  std::size_t calls_seen = 0;       // calls that reached a server
  std::size_t requests = 0;         // as the gateway counts them
  TimePoint ended{};
};

class Storm final : public Stage {
 public:
  struct Options {
    int clients = 8;
    int calls = 25;         // of each
    bool abrupt = false;    // the gateway is closed in the middle
    unsigned trouble = 30;  // of a hundred calls
  };
  Storm(std::uint64_t seed, Options options) : Storm(seed, options, std::make_unique<StormReport>()) {}
  ~Storm() override;
  /// Once.
  StormReport run();

 private:
  Storm(std::uint64_t seed, Options options, std::unique_ptr<StormReport> report);
  void finished(const RequestRecord&) override { ++report_->requests; }
  Task<void> direct();
  Task<void> change_things();
  Task<void> one_client(ScriptedClient::Options options);
  Task<void> wait_for_rest();
  Task<void> probe();
  void check_calls();

  const Options options_;
  std::unique_ptr<StormReport> report_;
  std::vector<std::unique_ptr<ScriptedUpstream>> servers_;
};

}  // namespace weir::sim
