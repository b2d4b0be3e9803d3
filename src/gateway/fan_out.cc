#include "gateway/fan_out.h"

#include <algorithm>

namespace weir {

TimePoint patience(const Plan& plan, std::size_t server, bool known) {
  const TimeoutConfig& timeout = plan.settings(server).timeout;
  const bool starting = !known && plan.servers[server]->status()->state == ServerState::starting;
  return Shard::current().now() + (starting ? std::max(timeout.startup, timeout.list) : timeout.list);
}

bool is_away(const Error& error) noexcept {
  // One that wants other credentials is there: that is to be seen, and mended.
  return error.side() != Error::Side::client && error.kind() != Error::Kind::cancelled &&
         error.kind() != Error::Kind::needs_authorization;
}

std::string respond(const ClientCall& call, std::string_view result) {
  std::string out = R"({"jsonrpc":"2.0","id":)";
  out += call.message.raw_id();
  out += R"(,"result":)";
  out += result;
  out += '}';
  return out;
}

}  // namespace weir
