#include "gateway/find_name.h"

#include "gateway/pin_gate.h"
#include "gateway/tool_headers.h"
#include "mcp/fault_map.h"
#include "runtime/nursery.h"
#include "runtime/shard.h"

namespace weir {
namespace {

// The server for a name with its prefix; kAll if no prefix fits. The longest server name wins.
std::size_t by_prefix(const Plan& plan, std::string_view name, std::string& target) {
  std::size_t best = Plan::kAll;
  for (std::size_t i = 0; i < plan.servers.size(); ++i) {
    const std::string& server = plan.servers[i]->name();
    const std::string_view rest = unprefixed(plan.names, server, name);
    if (rest.empty()) continue;
    if (best != Plan::kAll && plan.servers[best]->name().size() >= server.size()) continue;
    best = i;
    target = rest;
  }
  return best;
}

}  // namespace

void put_refusal(Answer& answer, const ClientCall& call, int code, std::string_view sentence) {
  answer.outcome = "invalid_request";
  append_error(answer.text, call.message.raw_id(), code, sentence);
}

std::size_t find_name(const Plan& plan, ListKind kind, std::string_view name, std::string& target) {
  const auto catalogue = plan.catalogue->load();
  if (const Place* place = catalogue->find(kind, name); place != nullptr) {
    if (place->original != name) target = place->original;
    return place->server;
  }
  return by_prefix(plan, name, target);
}

Task<void> learn_names(ClientCall& call, ListKind kind) {
  Nursery nursery;
  struct One {
    static Task<void> fetch(ClientCall& by, ListKind what, std::size_t server) {
      const TimePoint deadline = Shard::current().now() + by.plan.settings(server).timeout.list;
      const auto pages = co_await fetch_list(by.plan, server, what, nullptr, deadline, by.cancel);
      (void)pages.has_value();  // what could not be learned is simply not known
    }
  };
  const auto catalogue = call.plan.catalogue->load();
  // What is known of a server that is still starting is from before.
  for (std::size_t i = 0; i < call.plan.servers.size(); ++i)
    if (!catalogue->seen(kind, i) || call.plan.servers[i]->status()->state == ServerState::starting)
      nursery.start(One::fetch(call, kind, i));
  co_await nursery.join();
}

void put_unknown_name(Answer& answer, const ClientCall& call, ListKind kind, std::string_view name) {
  const auto catalogue = call.plan.catalogue->load();
  const std::string what =
      std::string(kind == ListKind::tools ? "tool" : "prompt") + " named \"" + std::string(name) + "\"";
  const std::vector<std::string> candidates = catalogue->candidates(kind, name);
  if (!candidates.empty()) {
    std::string sentence = "several servers have a " + what + ": use ";
    for (std::size_t i = 0; i < candidates.size(); ++i) sentence += (i == 0 ? "" : " or ") + candidates[i];
    return put_refusal(answer, call, kInvalidParams, sentence);
  }
  std::string hidden;
  if (const std::size_t owner = owner_of_hidden(call.plan, name, hidden);
      kind == ListKind::tools && owner != Plan::kAll)
    return put_fault(answer, call,
                     Error(Error::Kind::denied, Error::Side::gateway, Error::Sent::no,
                           why_denied(call.plan, owner, hidden)),
                     owner);
  std::string unseen;
  std::size_t down = Plan::kAll;
  std::size_t up = 0;
  for (std::size_t i = 0; i < call.plan.servers.size(); ++i) {
    const auto status = call.plan.servers[i]->status();
    const bool ready = status->state == ServerState::ready;
    up += ready ? 1U : 0U;
    if (!ready && down == Plan::kAll) down = i;
    if (kind == ListKind::tools) {
      const std::string why = why_withheld(call.plan, i, name);
      if (!why.empty()) return put_refusal(answer, call, kInvalidParams, why);
    }
    if (!catalogue->seen(kind, i)) unseen += (unseen.empty() ? "" : ", ") + call.plan.servers[i]->name();
  }
  if (up == 0 && down != Plan::kAll) {
    const auto status = call.plan.servers[down]->status();
    if (status->state != ServerState::starting) return put_fault(answer, call, status->error, down);
  }
  std::string sentence = "no server has a " + what;
  if (!unseen.empty()) sentence += "; what these offer is not known yet: " + unseen;
  put_refusal(answer, call, kInvalidParams, sentence);
}

}  // namespace weir
