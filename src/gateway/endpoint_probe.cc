// What one probe of an endpoint is: a real exchange of its own revision, or what was configured instead.
#include "gateway/endpoint_state.h"
#include "gateway/make_transport.h"
#include "mcp/splice.h"
#include "transport/outgoing_call.h"

namespace weir {
namespace {

// Whether it is the server that it was. What it says to be read by models and people may change by the
// minute.
bool is_same(const ServerFacts& now, const ServerFacts& before) {
  const auto name = [](const ServerFacts& facts) {
    return facts.server_info.empty() ? std::string_view() : members_of(facts.server_info).find("name");
  };
  return now.revision == before.revision && now.capabilities == before.capabilities &&
         name(now) == name(before);
}

}  // namespace

EndpointHealth::Options Endpoint::health_options() {
  EndpointHealth::Options options;
  options.checks = config_.health_check;
  options.outliers = config_.outlier_detection;
  options.breaker = config_.circuit_breaker;
  options.facts = &facts_;
  options.asking = &asking_;
  options.alone = options_.alone;
  options.quota = options_.quota;
  options.home = &home_;
  options.probes = config_.type != ServerConfig::Type::builtin;
  options.known = [this] { return known_peer() != nullptr; };
  options.probe = [this](TimePoint deadline, CancelScope& cancel) { return probe(deadline, cancel); };
  options.changed = [this] { judged(); };
  options.breaker_changed = [this](const BreakerChange& change) {
    if (options_.on_breaker) options_.on_breaker(*this, change);
  };
  options.keep = [this] { return keep_all(); };
  return options;
}

Task<Result<void>> Endpoint::probe(TimePoint deadline, CancelScope& cancel) {
  const HealthCheckConfig& check = config_.health_check;
  if (check.type == HealthCheckConfig::Type::mcp) return ask_whether_there(deadline, cancel);
  if (!plain_)
    plain_ =
        std::make_unique<PlainProbe>(home_, streamable_options(config_, LimitsConfig(), options_.connect_to));
  if (check.type == HealthCheckConfig::Type::tcp) return plain_->connect(deadline, cancel);
  return plain_->get(check.path, check.expected_status, deadline, cancel);
}

// By what its revision has for it: who it is, or a ping in the session that all share. Any response is one.
Task<Result<void>> Endpoint::ask_whether_there(TimePoint deadline, CancelScope& cancel) {
  const std::shared_ptr<const Peer> peer = known_peer();
  if (!peer) co_return Result<void>();
  const bool new_era = is_new(peer->facts.revision);
  if (new_era && config_.type == ServerConfig::Type::http) {
    const Result<std::optional<ServerFacts>> now = co_await transport(home_).check(*peer, deadline, cancel);
    if (!now) co_return fail(now.error());
    if (*now && is_same(**now, peer->facts)) co_return Result<void>();
    // It is another one than it was.
    peer->lost = true;
    nudge_.wake();
    co_return Result<void>();
  }
  const std::string_view method = new_era ? "server/discover" : "ping";
  const std::string text = R"({"jsonrpc":"2.0","id":0,"method":")" + std::string(method) + "\"}";
  const auto message = Message::index(Bytes::copy_of(text), JsonLimits(), Message::From::upstream);
  Call own(*message, *find_method(method), cancel);
  own.client.revision = kNewestOld;
  own.peer = peer.get();
  own.deadline = deadline;
  Result<Reply> reply = co_await transport(home_).call(own);
  while (reply && !reply->first.last) {
    Result<ReplyEvent> next = co_await reply->rest->next(kForever);
    if (!next) co_return fail(next.error());
    reply->first = std::move(*next);
  }
  if (peer->lost) nudge_.wake();
  if (!reply) co_return fail(reply.error());
  co_return Result<void>();
}

}  // namespace weir
