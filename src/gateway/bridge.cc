#include "gateway/bridge.h"

#include "gateway/parked_calls.h"
#include "gateway/rounds.h"
#include "mcp/client_requests.h"

namespace weir {
namespace {

Task<Result<Reply>> call_either(ClientCall& by, Call& leaf, std::size_t server) {
  Upstream& upstream = *by.plan.servers[server];
  const Result<std::shared_ptr<const Peer>> peer = co_await upstream.ready(leaf);
  if (!peer) co_return fail(peer.error());
  const bool new_client = is_new(leaf.client.revision);
  const bool new_server = is_new((*peer)->facts.revision);
  if (new_client && !new_server) {
    by.bridged = true;
    co_return co_await by.parked->call(by, leaf, server, *peer);
  }
  Result<Reply> reply = co_await upstream.call(leaf);
  if (!reply || new_client || !new_server) co_return reply;
  co_return co_await in_rounds(upstream, leaf, std::move(*reply));
}

bool may_want_input(const MethodRow& row) noexcept {
  return row.route == Route::by_name || row.route == Route::by_uri;
}

Task<Result<Reply>> go_on(ClientCall& by, std::size_t& server) {
  std::string name;
  Result<Reply> reply = co_await by.parked->resume(by, *by.continued, name);
  server = by.plan.find(name);
  co_return reply;
}

Task<Result<Reply>> gone(std::string name) {
  co_return fail(Error::Kind::input_expired, Error::Side::gateway, Error::Sent::maybe,
                 "the server \"" + name + "\" that asked is configured no more");
}

}  // namespace

bool read_request_state(ClientCall& by) {
  const std::string_view raw = by.message.param().find("requestState");
  if (raw.empty() || !is_new(by.client.revision)) return true;
  if (raw.size() < 2 || raw.front() != '"') return false;
  by.continued = by.states->open(json_unescape(raw), by.client.identity, by.message);
  return by.continued.has_value();
}

Task<Result<Reply>> call_bridged(ClientCall& by, Call& leaf, std::size_t& server) {
  if (by.continued && by.continued->kind == RequestState::Kind::parked) {
    by.bridged = true;
    return go_on(by, server);
  }
  if (by.continued) {
    server = by.plan.find(by.continued->server);
    if (server == Plan::kAll) return gone(by.continued->server);
    leaf.request_state = by.continued->raw;
    leaf.at = by.continued->endpoint;
  }
  // An old client that can't be asked for anything either: a server of the new revision may want to be asked
  // again, with its state alone, and what it asks for is refused.
  const bool may_go_on =
      !is_new(leaf.client.revision) && may_want_input(leaf.row) && !by.plan.servers[server]->known_old();
  if (leaf.takes_requests || may_go_on) return call_either(by, leaf, server);
  return by.plan.servers[server]->call(leaf);
}

std::string sealed_state(const ClientCall& by, std::size_t server, std::uint32_t endpoint,
                         const Message& response) {
  const bool plain = !is_new(by.client.revision) || response.kind() != Message::Kind::result;
  // What Weir asks in a server's name has Weir's own state in it.
  if (plain || server == Plan::kAll || by.bridged || !is_input_required(response)) return {};
  const std::string_view raw = response.result_member().find("requestState");
  if (raw.size() < 2 || raw.front() != '"') return {};
  RequestState state;
  state.server = by.plan.servers[server]->name();
  state.endpoint = endpoint;
  state.raw = raw;
  return by.states->seal(state, by.client.identity, by.message);
}

}  // namespace weir
