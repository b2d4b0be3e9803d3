// How things stand, as JSON for operators and their tools.
#include "admin/api.h"
#include "base/json.h"
#include "obs/log.h"

namespace weir {
namespace {

std::string_view health_word(ServerState state) noexcept {
  switch (state) {
    case ServerState::ready:
      return "healthy";
    case ServerState::starting:
      return "starting";
    default:
      return "unhealthy";
  }
}

void member(std::string& out, std::string_view name, std::string_view text) {
  out.append(",\"").append(name).append("\":");
  json_append_string(out, text);
}

}  // namespace

std::string health_json(const Plan& plan, std::string& status) {
  std::size_t healthy = 0;
  std::size_t starting = 0;
  WallTime since{};
  std::string servers;
  for (const auto& upstream : plan.servers) {
    const auto now = upstream->status();
    healthy += now->state == ServerState::ready ? 1U : 0U;
    starting += now->state == ServerState::starting ? 1U : 0U;
    since = std::max(since, now->since);
    if (!servers.empty()) servers += ',';
    json_append_string(servers, upstream->name());
    const std::string_view word = health_word(now->state);
    servers += ":{\"status\":\"";
    servers += word == "starting" ? "unknown" : word;
    servers += "\",\"endpoints\":[{\"address\":";
    json_append_string(servers, upstream->endpoint());
    member(servers, "state", word);
    if (word == "unhealthy") {
      member(servers, "reason",
             now->state == ServerState::needs_authorization ? "needs authorization" : now->error.detail());
      member(servers, "since", utc_text(now->since));
    }
    servers += ",\"in_flight\":" + std::to_string(upstream->in_flight()) + ",\"weight\":1,\"priority\":0}]}";
  }
  const std::size_t all = plan.servers.size();
  status = healthy == all ? "healthy" : healthy != 0 ? "degraded" : starting != 0 ? "unknown" : "unhealthy";
  return "{\"status\":\"" + status + "\",\"since\":\"" + utc_text(since) + "\",\"servers\":{" + servers +
         "}}";
}

std::string servers_json(const Plan& plan, const std::string& endpoint) {
  std::string out = "{";
  if (!endpoint.empty()) {
    out += "\"endpoint\":";
    json_append_string(out, endpoint);
    out += ',';
  }
  out += "\"servers\":[";
  const auto catalogue = plan.catalogue->load();
  for (std::size_t i = 0; i < plan.servers.size(); ++i) {
    const Upstream& upstream = *plan.servers[i];
    const auto now = upstream.status();
    if (i != 0) out += ',';
    out += "{\"name\":";
    json_append_string(out, upstream.name());
    member(out, "address", upstream.endpoint());
    member(out, "state", to_string(now->state));
    if (now->state == ServerState::unreachable || now->state == ServerState::needs_authorization)
      member(out, "reason", now->error.detail());
    if (now->since != WallTime()) member(out, "since", utc_text(now->since));
    if (now->peer) {
      member(out, "protocol", to_string(now->peer->facts.revision));
      if (!now->peer->facts.server_info.empty()) out += ",\"server_info\":" + now->peer->facts.server_info;
    }
    if (const int tools = catalogue->count(ListKind::tools, i); tools >= 0)
      out += ",\"tools\":" + std::to_string(tools);
    out += ",\"in_flight\":" + std::to_string(upstream.in_flight()) + '}';
  }
  return out + "]}";
}

std::string tools_json(const Plan& plan) {
  std::string out = "{\"tools\":[";
  const auto catalogue = plan.catalogue->load();
  bool first = true;
  for (std::size_t i = 0; i < plan.servers.size(); ++i) {
    const auto& seen = catalogue->seen(ListKind::tools, i);
    if (!seen) continue;
    for (const std::string& name : *seen) {
      out += first ? "{\"name\":" : ",{\"name\":";
      first = false;
      json_append_string(out, catalogue->exposed(ListKind::tools, i, name));
      member(out, "server", plan.servers[i]->name());
      member(out, "original", name);
      out += '}';
    }
  }
  return out + "]}";
}

}  // namespace weir
