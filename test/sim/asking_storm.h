// A storm of questions: servers of both eras that ask, clients of both that answer in all the ways they do,
// the gateway's bridges between. Drawn from one seed.
#pragma once

#include <memory>
#include <string>
#include <vector>

#include "sim/asking_client.h"
#include "sim/asking_upstream.h"
#include "sim/stage.h"

namespace weir::sim {

/// What came of it. The violations are empty, or the gateway has a fault.
struct AskReport {
  AskTally tally;
  int questions = 0;  // that servers asked
  int answers = 0;    // that came to them
};

class AskingStorm final : public Stage {
 public:
  /// `abrupt`: the gateway is closed in the middle.
  AskingStorm(std::uint64_t seed, bool abrupt) : AskingStorm(seed, abrupt, std::make_unique<AskReport>()) {}
  ~AskingStorm() override;
  /// Once.
  AskReport run();

 private:
  AskingStorm(std::uint64_t seed, bool abrupt, std::unique_ptr<AskReport> report);
  Config config() override;
  Task<void> direct();
  Task<void> change_things();
  Task<void> one_client(AskingClient::Options options);
  Task<void> wait_for_rest();
  Task<std::size_t> parked(Shard& shard);

  const bool abrupt_;
  std::unique_ptr<AskReport> report_;
  std::vector<std::unique_ptr<AskingUpstream>> servers_;
};

}  // namespace weir::sim
