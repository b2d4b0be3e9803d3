// A storm over servers of several endpoints: these fall ill, die and come back one by one, reloads add, drain
// and weigh them anew, and each pick is looked at. Drawn from one seed.
#pragma once

#include <map>
#include <memory>
#include <string>
#include <vector>

#include "sim/balancing_judge.h"
#include "sim/scripted_client.h"
#include "sim/scripted_upstream.h"
#include "sim/stage.h"

namespace weir::sim {

/// What came of a balancing storm. The violations are empty, or the gateway has a fault.
struct BalancingReport {
  Tally tally;
  BalancingSights sights;
  std::map<std::string, int> did;  // what the storm did: strategies, illnesses, reloads
  std::size_t calls_seen = 0;      // calls that reached an endpoint
  std::size_t stayed = 0;          // calls of a session that had to go where the one before went
  Duration recovery{};             // until all were healthy again
  TimePoint ended{};
};

class BalancingStorm final : public Stage {
 public:
  explicit BalancingStorm(std::uint64_t seed) : BalancingStorm(seed, std::make_unique<BalancingReport>()) {}
  ~BalancingStorm() override;
  /// Once.
  BalancingReport run();

 private:
  static constexpr std::size_t kSpots = 5;  // of each server: endpoints that it may have
  /// One server as it is configured at present.
  struct Shape {
    std::string name;
    bool old_era = false;
    std::vector<EndpointConfig> endpoints;
    LoadBalancingConfig balancing;
    OutlierDetectionConfig outliers;
    HealthCheckConfig checks;
    int anew = 0;  // its change makes another server of it
  };
  /// What is known of one call.
  struct Asked {
    std::string server;
    TimePoint at{};
    std::string url;  // of the endpoint that it reached; empty: none
  };
  BalancingStorm(std::uint64_t seed, std::unique_ptr<BalancingReport> report);
  Config config() override;
  void add_server(std::size_t place);
  void draw_balancing(Shape& shape);
  void draw_endpoints(Shape& shape);
  void reload();
  void change_shape(Shape& shape);
  Task<void> direct();
  Task<void> reload_often();
  Task<void> spread_illness();
  void strike(ScriptedUpstream& endpoint);
  void heal(ScriptedUpstream& endpoint);
  Task<void> recover();
  bool all_healthy() const;
  Task<void> probe();
  Task<void> one_client(ScriptedClient::Options options);
  ScriptedClient::Options client_options(int number, bool old_era, int calls);
  void asking(const std::string& nonce, const std::string& server, bool old_client);
  void arrived(const std::string& nonce, const ScriptedUpstream& endpoint);
  void judge_session(const std::string& nonce, const Asked& asked);
  void check_calls();
  std::string url_of(const SocketAddress& address) const;

  std::unique_ptr<BalancingReport> report_;
  BalancingJudge judge_;
  std::vector<Shape> shapes_;
  std::vector<std::unique_ptr<ScriptedUpstream>> scripts_;
  unsigned trouble_ = 0;
  std::map<std::string, Asked> asked_;                                    // by nonce
  std::map<std::string, TimePoint> ill_until_;                            // endpoints that were, by URL
  std::map<std::pair<std::string, std::string>, std::string> last_call_;  // an old client's, by server
  std::vector<std::weak_ptr<Endpoint>> endpoints_;                        // all that there ever were
};

}  // namespace weir::sim
