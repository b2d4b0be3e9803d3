// What the scripted servers share: connections, whole requests one after the other, and what they have to
// say against the gateway.
#pragma once

#include <string>
#include <string_view>
#include <vector>

#include "sim/plain_http.h"
#include "sim/sim_world.h"

namespace weir::sim {

class SimUpstream {
 public:
  virtual ~SimUpstream() = default;
  /// Serves until `stop`.
  Task<void> serve(CancelScope& stop);
  /// What the gateway must not do and did.
  const std::vector<std::string>& violations() const noexcept { return violations_; }

 protected:
  SimUpstream(World& world, std::string name, SocketAddress address)
      : world_(world), name_(std::move(name)), address_(std::move(address)) {}
  /// One request. False: the connection has ended.
  virtual Task<bool> take(PlainHttp& http, const PlainMessage& request, CancelScope& stop) = 0;

  std::size_t draw(std::size_t bound) { return static_cast<std::size_t>(world_.random()() % bound); }
  bool chance(unsigned percent) { return draw(100) < percent; }
  void blame(const std::string& what) { violations_.push_back(name_ + ": " + what); }
  /// A whole answer with a JSON body; `fields`: further header lines.
  static std::string answer(int status, std::string_view body, std::string_view fields = {});

  World& world_;

 private:
  Task<void> connection(std::unique_ptr<Stream> stream, CancelScope& stop);

  const std::string name_;
  const SocketAddress address_;
  std::vector<std::string> violations_;
};

}  // namespace weir::sim
