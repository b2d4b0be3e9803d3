// A storm of events: servers of both eras that tell of changes, clients of both that listen, while streams
// break off, servers go away and the configuration changes. When it calms down, whoever was promised
// something hears of it.
#pragma once

#include <memory>
#include <vector>

#include "sim/listening_client.h"
#include "sim/stage.h"
#include "sim/telling_upstream.h"

namespace weir::sim {

struct HearReport {
  HearTally tally;
  int told = 0;      // by servers
  int promises = 0;  // that were looked at in the calm
};

class ListeningStorm final : public Stage {
 public:
  /// `abrupt`: the gateway is closed in the middle.
  ListeningStorm(std::uint64_t seed, bool abrupt)
      : ListeningStorm(seed, abrupt, std::make_unique<HearReport>()) {}
  ~ListeningStorm() override;
  /// Once.
  HearReport run();

 private:
  ListeningStorm(std::uint64_t seed, bool abrupt, std::unique_ptr<HearReport> report);
  Task<void> direct();
  Task<void> change_things();
  Task<void> calm_down();
  Task<void> wait_for_rest();
  Task<void> one_client(ListeningClient& client);

  const bool abrupt_;
  std::unique_ptr<HearReport> report_;
  std::vector<std::unique_ptr<TellingUpstream>> servers_;
  std::vector<std::unique_ptr<ListeningClient>> clients_;
};

}  // namespace weir::sim
