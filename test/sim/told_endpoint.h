// An endpoint on the simulated network that does what a test tells it, and counts what it is asked.
#pragma once

#include <string>
#include <vector>

#include "mcp/message.h"
#include "sim/sim_upstream.h"

namespace weir::sim {

class ToldEndpoint final : public SimUpstream {
 public:
  /// How it answers.
  enum class Way : std::uint8_t { well, hangs, resets, busy, wrong_id };
  ToldEndpoint(World& world, SocketAddress address)
      : SimUpstream(world, address.host, address), host_(address.host) {}

  Way probes = Way::well;  // who asks whether it is there
  Way calls = Way::well;   // and calls of tools
  Duration delay{};        // before each answer
  Duration call_delay{};   // before each answer to a call, besides
  std::size_t probed = 0;
  std::vector<TimePoint> called;  // when calls came
  int under_way = 0;              // calls that hang
  int most_under_way = 0;
  /// Both at once.
  void tell(Way way) noexcept { probes = calls = way; }
  const std::string& host() const noexcept { return host_; }

 private:
  Task<bool> take(PlainHttp& http, const PlainMessage& request, CancelScope& stop) override;
  Task<bool> reply(PlainHttp& http, Way way, std::string id, std::string result, CancelScope& stop);

  const std::string host_;
};

}  // namespace weir::sim
