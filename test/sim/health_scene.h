// One server of several endpoints that are told what to do, behind the real gateway in virtual time, for
// tests that follow one thing. The weather is fair.
#pragma once

#include <functional>
#include <memory>
#include <string>
#include <vector>

#include "sim/stage.h"
#include "sim/told_endpoint.h"

namespace weir::sim {

class HealthScene final : public Stage {
 public:
  /// `tune` changes the server's configuration.
  HealthScene(std::size_t endpoints, std::function<void(ServerConfig&)> tune)
      : HealthScene(endpoints, std::move(tune), std::make_unique<std::vector<std::string>>()) {}
  ~HealthScene() override;
  /// Plays `what` once all are healthy; gives what was wrong with what is left at the end. Once.
  std::vector<std::string> run(Task<void> (*what)(HealthScene&));

  // For plays, which run on the clients' shard.
  ToldEndpoint& told(std::size_t i) { return *told_[i]; }
  std::shared_ptr<Endpoint> endpoint(std::size_t i) const;
  Health health(std::size_t i) const { return endpoint(i)->status()->health; }
  bool in_panic() const { return upstream()->endpoints()->roster.panic; }
  /// One call: the host that answered, or the reason why none did. `patience`: the client gives it up then.
  Task<std::string> call(Duration patience = std::chrono::seconds(10));
  /// Waits for it, and gives how long that took; `most` at most.
  Task<Duration> until(std::function<bool()> what, Duration most);
  Task<void> pause(Duration time) { return sleep(time); }
  void set_down(std::size_t i, bool down) { world_.set_down(places_[i].address, down); }
  void stall(Duration time) { world_.stall(time); }
  TimePoint now() const { return world_.now(); }

 private:
  HealthScene(std::size_t endpoints, std::function<void(ServerConfig&)> tune,
              std::unique_ptr<std::vector<std::string>> violations);
  Config config() override;
  std::shared_ptr<Upstream> upstream() const { return gateway_->plan_now()->servers[0]; }
  Task<void> direct();
  Task<void> play();

  std::function<void(ServerConfig&)> tune_;
  std::unique_ptr<std::vector<std::string>> violations_;
  std::vector<std::unique_ptr<ToldEndpoint>> told_;
  Task<void> (*play_)(HealthScene&) = nullptr;
  bool played_ = false;
};

}  // namespace weir::sim
