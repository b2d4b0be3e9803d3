#include "admin/approve.h"

#include "admin/report.h"
#include "base/json.h"

namespace weir {
namespace {

void append_error(std::string& out, const std::string& text) {
  out += "{\"ok\":false";
  append_member(out, "error", text);
  out += '}';
}

void append_change(std::string& out, const PinProposal::Change& change) {
  out += "{\"tool\":";
  json_append_string(out, change.tool);
  append_member(out, "state", to_string(change.state));
  if (change.state == PinState::changed) {
    out += ",\"differs\":[";
    for (const PinDifference& member : change.differs) {
      if (out.back() != '[') out += ',';
      json_append_string(out, member.name);
    }
    out += "],\"members\":[";
    for (const PinDifference& member : change.differs) {
      if (out.back() != '[') out += ',';
      out += "{\"name\":";
      json_append_string(out, member.name);
      if (!member.before.empty()) out += ",\"before\":" + member.before;
      if (!member.after.empty()) out += ",\"after\":" + member.after;
      out += '}';
    }
    out += ']';
    append_member(out, "before", change.before);
  } else if (!change.definition.empty()) {
    out += ",\"definition\":" + change.definition;
  }
  append_member(out, "after", change.after);
  if (!change.fault.empty()) append_member(out, "fault", change.fault);
  out += '}';
}

// True if nothing went wrong.
bool append_answer(std::string& out, const PinAnswer& answer) {
  bool good = answer.fault.empty();
  out += "{\"server\":";
  json_append_string(out, answer.server);
  if (!answer.fault.empty()) append_member(out, "error", answer.fault);
  if (!answer.digest.empty()) append_member(out, "digest", answer.digest);
  out += ",\"tools\":[";
  for (const PinProposal::Change& change : answer.changes) {
    if (out.back() != '[') out += ',';
    append_change(out, change);
    good = good && change.fault.empty();
  }
  out += "]}";
  return good;
}

}  // namespace

Task<int> approve(Gateway& gateway, const Plan& plan, std::optional<std::string> server, bool dry,
                  const std::string& digest, std::string& out) {
  if (!digest.empty() && !server) {
    append_error(out, "a digest is of one server: say which, ?server=NAME");
    co_return 400;
  }
  if (server && (!utf8_valid(*server) || plan.find(*server) == Plan::kAll)) {
    append_error(out,
                 utf8_valid(*server) ? "no server is named " + *server : "the server's name is no UTF-8");
    co_return 404;
  }
  std::string servers;
  bool good = true;
  for (std::size_t i = 0; i < plan.servers.size(); ++i) {
    if (plan.pins[i] == nullptr || (server && plan.servers[i]->name() != *server)) continue;
    const PinAnswer answer = co_await gateway.approve(plan.servers[i]->name(), dry, digest);
    if (!servers.empty()) servers += ',';
    const bool done = append_answer(servers, answer);
    good = good && done;
  }
  if (servers.empty()) {
    append_error(out, server ? "the server " + *server + " has no pins: set servers." + *server + ".pin"
                             : "no server has pins: set servers.NAME.pin");
    co_return 409;
  }
  out += good ? "{\"ok\":true" : "{\"ok\":false";
  out += dry ? ",\"dry_run\":true" : ",\"dry_run\":false";
  out += ",\"servers\":[" + servers + "]}";
  co_return 200;
}

}  // namespace weir
