#include "gateway/pin_gate.h"

#include <algorithm>

#include "runtime/shard.h"

namespace weir {
namespace {

void put_denied(Answer& answer, const ClientCall& call, std::size_t server, std::string why) {
  put_fault(answer, call, Error(Error::Kind::denied, Error::Side::gateway, Error::Sent::no, std::move(why)),
            server);
}

// Before the first list. Errors: the server is not there, or does not list.
Task<Result<void>> look(ClientCall& call, const Call& leaf, std::size_t server) {
  const TimePoint begun = Shard::current().now();
  const Result<std::shared_ptr<const Peer>> peer =
      co_await call.plan.servers[server]->ready(leaf.deadline, call.cancel);
  if (!peer) co_return fail(peer.error());
  const TimePoint deadline =
      std::min(leaf.deadline, Shard::current().now() + call.plan.settings(server).timeout.list);
  const auto pages = co_await fetch_list(call.plan, server, ListKind::tools, nullptr, deadline, call.cancel);
  if (call.notes != nullptr) call.notes->upstream_time += Shard::current().now() - begun;
  // Of the call itself nothing was sent.
  if (!pages) co_return fail(Error(pages.error()).set_sent(Error::Sent::no));
  co_return Result<void>();
}

}  // namespace

Task<bool> admit_pinned(ClientCall& call, const Call& leaf, std::size_t server, std::string_view tool,
                        Answer& answer) {
  const Pins& pins = *call.plan.pins[server];
  if (!pins.view()->looked) {
    const Result<void> looked = co_await look(call, leaf, server);
    if (!looked) {
      put_fault(answer, call, looked.error(), server);
      co_return false;
    }
  }
  if (pins.allows(tool)) co_return true;
  std::string why = why_denied(call.plan, server, tool);
  put_denied(answer, call, server, why.empty() ? "what it offers was not looked at yet" : std::move(why));
  co_return false;
}

std::string why_denied(const Plan& plan, std::size_t server, std::string_view tool) {
  const Pins* pins = enforced_pins(plan, server);
  if (pins == nullptr) return {};
  const auto view = pins->view();
  const std::string name = "the tool \"" + std::string(tool) + "\" ";
  const std::string remedy = "look at it, then run \"weir approve " + pins->server() + '"';
  if (!view->fault.empty())
    return name + "is not approved, as what was cannot be read: the gateway's log says why";
  if (!view->looked) return {};
  const auto row = view->tools.find(tool);
  if (row == view->tools.end()) return name + "was never approved, and the server does not list it";
  if (row->second.state == PinState::approved) return {};
  if (!row->second.fault.empty()) return name + "can't be approved: " + row->second.fault;
  return name +
         (row->second.state == PinState::changed ? "has changed since it was approved: "
                                                 : "is new and not approved: ") +
         remedy;
}

std::size_t owner_of_hidden(const Plan& plan, std::string_view name, std::string& tool) {
  for (std::size_t server = 0; server < plan.servers.size(); ++server) {
    const Pins* pins = enforced_pins(plan, server);
    if (pins == nullptr) continue;
    const auto view = pins->view();
    for (const auto& [own, row] : view->tools) {
      if (!row.listed || row.state != PinState::fresh) continue;
      if (own != name && exposed_name(plan.names, plan.servers[server]->name(), own) != name) continue;
      tool = own;
      return server;
    }
  }
  return Plan::kAll;
}

}  // namespace weir
