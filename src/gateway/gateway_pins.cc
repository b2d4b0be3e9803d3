// What the gateway does about pins: it looks at each endpoint that comes, approves at a person's word, and
// lists anew where what clients are shown has changed.
#include "gateway/gateway.h"
#include "gateway/lists.h"
#include "gateway/pinned_lists.h"
#include "obs/log.h"
#include "runtime/hop.h"

namespace weir {

PinBook::Told Gateway::pins_told() {
  PinBook::Told told;
  told.news = observer_.pin_news;
  told.to_save = [this] { shards_.back()->post([this] { pins_.save(); }); };
  told.shown = [this](const std::string& server) { events_.list_changed(server, ListKind::tools); };
  return told;
}

void Gateway::endpoint_changed(const Upstream& upstream, const Endpoint& endpoint) {
  if (observer_.endpoint_changed) observer_.endpoint_changed(upstream, endpoint);
  const std::shared_ptr<const Plan> plan = plan_.load();
  const std::size_t place = plan->find(upstream.name());
  const Pins* pins = place == Plan::kAll ? nullptr : pins_of(*plan, place);
  const auto status = endpoint.status();
  // One alone is listed as the server is.
  if (pins == nullptr || upstream.retired() || upstream.endpoints()->only != nullptr || !status->peer) return;
  if (!pins->has_seen(endpoint.number(), status->peer.get()))
    start_detached(look_at(upstream.name(), endpoint.number()));
}

// Calls go to any endpoint, lists come from one: what another one lists is to be known as well.
Task<void> Gateway::look_at(std::string name, std::uint32_t endpoint) {
  const std::shared_ptr<const Plan> plan = plan_.load();
  const std::size_t server = plan->find(name);
  if (server == Plan::kAll || pins_of(*plan, server) == nullptr) co_return;
  const TimePoint deadline = Shard::current().now() + plan->settings(server).timeout.startup;
  CancelScope never;  // this shard's: stop_ is the control shard's
  const auto pages = co_await fetch_list(*plan, server, ListKind::tools, nullptr, deadline, never, endpoint);
  (void)pages.has_value();  // it is listed when it is there again
}

Task<void> Gateway::look_everywhere(const Plan& plan, std::size_t server) {
  const auto set = plan.servers[server]->endpoints();
  if (pins_of(plan, server) == nullptr || set->only != nullptr) co_return;
  Nursery all;
  for (const SetMember& member : set->members)
    if (!member.draining && member.endpoint->status()->peer)
      all.start(look_at(plan.servers[server]->name(), member.endpoint->number()));
  co_await all.join();
}

// Pins were switched on or off, or enforced: what was listed before is not what clients may be shown.
Task<void> Gateway::hold_anew(std::string name) {
  co_await learn_list(name, ListKind::tools);
  events_.list_changed(name, ListKind::tools);
}

Task<PinAnswer> Gateway::approve(std::string server, bool dry, std::string digest) {
  PinAnswer answer;
  answer.server = server;
  const std::shared_ptr<const Plan> plan = plan_.load();
  const std::size_t place = plan->find(server);
  const std::shared_ptr<Pins> pins = place == Plan::kAll ? nullptr : plan->pins[place];
  if (!pins) {
    answer.fault = "it has no pins: set servers." + server + ".pin";
    co_return answer;
  }
  // Whoever only looks wants to know how it is now; what is approved is what was looked at.
  if (dry && plan->servers[place]->status()->state == ServerState::ready)
    co_await learn_list(server, ListKind::tools);
  PinProposal proposal = pins->propose(utc_text(Shard::current().wall_now()));
  answer.changes = proposal.changes;
  answer.digest = proposal.digest;
  if (!proposal.looked) answer.fault = "what it offers is not known yet";
  if (!digest.empty() && digest != proposal.digest)
    answer.fault = "what it offers has changed since it was looked at: look again with --dry-run";
  if (dry || !proposal.anything || !answer.fault.empty()) co_return answer;
  answer.fault = pins_.take(*pins, std::move(proposal));
  if (!answer.fault.empty()) answer.changes.clear();
  // Only a list brings what was hidden into the catalogue.
  if (answer.fault.empty() && pins->enforced()) co_await hold_anew(server);
  co_return answer;
}

}  // namespace weir
