#include "admin/report.h"

#include <utility>

#include "base/json.h"
#include "base/url.h"
#include "config/words.h"
#include "gateway/health_sum.h"
#include "obs/log.h"

namespace weir {
namespace {

void member(std::string& out, std::string_view name, std::string_view text) {
  out.append(",\"").append(name).append("\":");
  json_append_string(out, text);
}

}  // namespace

void append_member(std::string& out, std::string_view name, std::string_view text) {
  member(out, name, text);
}

void append_endpoint(std::string& out, const SetMember& one) {
  const Endpoint& endpoint = *one.endpoint;
  const auto now = endpoint.status();
  out += "{\"address\":";
  json_append_string(out, endpoint.address());
  member(out, "state", state_word(one));
  if (!now->reason.empty() && now->health != Health::healthy) {
    member(out, "reason", now->reason);
    member(out, "since", utc_text(now->health_since));
  }
  member(out, "breaker", to_string(endpoint.health().breaker_state()));
  out += ",\"in_flight\":" + std::to_string(endpoint.in_flight());
  out += ",\"weight\":" + std::to_string(one.weight);
  out += ",\"priority\":" + std::to_string(one.priority) + '}';
}

namespace {

// Of a server whose host name is not known yet.
std::string configured_address(const Upstream& upstream) {
  const ServerConfig& config = upstream.config();
  return display_url(config.endpoints.empty() ? config.url : config.endpoints.front().url);
}

}  // namespace

std::string health_json(const Gateway& gateway, const Plan& plan, std::string& status) {
  HealthSum sum;
  WallTime since{};
  std::string servers;
  for (const auto& upstream : plan.servers) {
    const auto now = upstream->status();
    sum.add(now->health);
    since = std::max(since, now->health_since);
    if (!servers.empty()) servers += ',';
    json_append_string(servers, upstream->name());
    servers += ":{\"status\":\"";
    servers += to_string(now->health);
    servers += '"';
    if (now->health_since != WallTime()) member(servers, "since", utc_text(now->health_since));
    if (upstream->endpoints()->members.empty() && !now->reason.empty())
      member(servers, "reason", now->reason);
    servers += ",\"endpoints\":[";
    bool first = true;
    const auto set = upstream->endpoints();
    for (const SetMember& one : set->members) {
      if (!std::exchange(first, false)) servers += ',';
      append_endpoint(servers, one);
    }
    servers += "]}";
  }
  std::string acting;
  for (const auto& [rule, server] : gateway.degradation().acting()) {
    acting += acting.empty() ? "{\"rule\":" : ",{\"rule\":";
    json_append_string(acting, rule);
    if (!server.empty()) member(acting, "server", server);
    acting += '}';
  }
  if (!acting.empty()) acting = ",\"degradation\":[" + acting + ']';
  status = to_string(sum.health());
  return "{\"status\":\"" + status + "\",\"since\":\"" + utc_text(since) + "\",\"servers\":{" + servers +
         '}' + acting + '}';
}

void append_server(std::string& out, const Plan& plan, const Catalogue& catalogue, std::size_t place) {
  const Upstream& upstream = *plan.servers[place];
  const auto now = upstream.status();
  out += "{\"name\":";
  json_append_string(out, upstream.name());
  const auto set = upstream.endpoints();
  member(out, "address",
         set->members.empty() ? configured_address(upstream) : set->members.front().endpoint->address());
  member(out, "state", to_string(now->state));
  member(out, "health", to_string(now->health));
  if (now->state == ServerState::unreachable || now->state == ServerState::needs_authorization)
    member(out, "reason", now->error.detail());
  else if (!now->reason.empty())
    member(out, "reason", now->reason);
  if (now->since != WallTime()) member(out, "since", utc_text(now->since));
  if (now->peer) {
    member(out, "protocol", to_string(now->peer->facts.revision));
    if (!now->peer->facts.server_info.empty()) out += ",\"server_info\":" + now->peer->facts.server_info;
  }
  if (const int tools = catalogue.count(ListKind::tools, place); tools >= 0)
    out += ",\"tools\":" + std::to_string(tools);
  if (const Pins* pins = plan.pins[place].get(); pins != nullptr) {
    const auto view = pins->view();
    out += pins->enforced() ? ",\"pins\":{\"mode\":\"enforce\"" : ",\"pins\":{\"mode\":\"warn\"";
    for (const PinState state : {PinState::approved, PinState::changed, PinState::fresh})
      out.append(",\"").append(to_string(state)).append("\":") += std::to_string(view->count(state));
    if (!view->fault.empty()) member(out, "fault", view->fault);
    out += '}';
  }
  out += ",\"in_flight\":" + std::to_string(upstream.in_flight());
  out += ",\"queued\":" + std::to_string(upstream.admission().queued());
  if (const auto limit = upstream.admission().limit()) out += ",\"limit\":" + std::to_string(*limit);
  member(out, "strategy", to_string(set->balancing.strategy));
  if (set->roster.panic) out += ",\"panic\":true";
  out += ",\"endpoints\":[";
  for (std::size_t k = 0; k < set->members.size(); ++k) {
    if (k != 0) out += ',';
    append_endpoint(out, set->members[k]);
  }
  out += "]}";
}

std::string_view overall_health(const Plan& plan, WallTime& since) {
  HealthSum sum;
  for (const auto& upstream : plan.servers) {
    const auto now = upstream->status();
    sum.add(now->health);
    since = std::max(since, now->health_since);
  }
  return to_string(sum.health());
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
    if (i != 0) out += ',';
    append_server(out, plan, *catalogue, i);
  }
  return out + "]}";
}

namespace {

void append_pin(std::string& out, const Pins& pins, const std::string& tool) {
  const auto view = pins.view();
  const auto row = view->tools.find(tool);
  if (row == view->tools.end()) return;
  member(out, "pin", to_string(row->second.state));
  if (pins.enforced() && row->second.state != PinState::approved) out += ",\"hidden\":true";
}

// New tools of a server whose pins are enforced, which the catalogue knows nothing of.
void append_hidden(std::string& out, const Plan& plan, std::size_t server, bool& first) {
  const Pins* pins = plan.pins[server].get();
  if (pins == nullptr || !pins->enforced()) return;
  const auto view = pins->view();
  for (const auto& [tool, row] : view->tools) {
    if (!row.listed || row.state != PinState::fresh) continue;
    out += first ? "{\"name\":" : ",{\"name\":";
    first = false;
    const std::string& name = plan.servers[server]->name();
    json_append_string(out, plan.names.prefixed ? exposed_name(plan.names, name, tool) : tool);
    member(out, "server", name);
    member(out, "original", tool);
    append_pin(out, *pins, tool);
    out += '}';
  }
}

}  // namespace

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
      if (const Pins* pins = plan.pins[i].get(); pins != nullptr) append_pin(out, *pins, name);
      out += '}';
    }
    append_hidden(out, plan, i, first);
  }
  return out + "]}";
}

}  // namespace weir
