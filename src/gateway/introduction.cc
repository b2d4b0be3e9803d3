// What the servers say of themselves, joined: the answer to server/discover and initialize.
#include "gateway/fan_out.h"
#include "mcp/outgoing.h"
#include "runtime/nursery.h"

namespace weir {
namespace {

/// One server's part: who it says it is, or was last known to be.
struct PeerPart {
  std::size_t server = 0;
  KeptFacts kept;
  std::optional<Result<std::shared_ptr<const Peer>>> outcome;
};

Error away_error() {
  return Error(Error::Kind::unreachable, Error::Side::upstream, Error::Sent::no, "it is not there");
}

Task<void> meet_part(ClientCall& call, PeerPart& part) {
  Upstream& server = *call.plan.servers[part.server];
  const TimePoint deadline =
      std::min(call.answer_by, patience(call.plan, part.server, part.kept.facts != nullptr));
  part.outcome.emplace(co_await server.ready(deadline, call.cancel));
  // It may be known who it is, and that it is not there.
  const auto now = server.status();
  const bool away = now->state == ServerState::unreachable;
  if (*part.outcome && away && part.kept)
    part.outcome.emplace(fail(now->error.detail().empty() ? away_error() : now->error));
}

}  // namespace

Task<Result<std::string>> answer_introduction(ClientCall& call, Revision agreed) {
  std::vector<PeerPart> parts = parts_of<PeerPart>(call);
  for (PeerPart& part : parts) part.kept = call.plan.last_good[part.server]->facts();
  Nursery nursery;
  const TimePoint begun = Shard::current().now();
  for (auto& part : parts) nursery.start(meet_part(call, part));
  co_await nursery.join();
  if (call.notes != nullptr) call.notes->upstream_time += Shard::current().now() - begun;
  const Result<Lacking> lacking = lacking_of(call, parts);
  if (!lacking) co_return fail(lacking.error());
  std::vector<const ServerFacts*> facts;
  std::vector<std::pair<std::string_view, const ServerFacts*>> named;
  for (const auto& part : parts) {
    if (!*part.outcome && !stands_in(part)) continue;
    facts.push_back(*part.outcome ? &(**part.outcome)->facts : part.kept.facts.get());
    named.emplace_back(call.plan.servers[part.server]->name(), facts.back());
  }
  const bool discover = call.row.route == Route::discover;
  std::string result = discover ? R"({"resultType":"complete","supportedVersions":["2026-07-28"])"
                                : R"({"protocolVersion":")" + std::string(to_string(agreed)) + '"';
  result += R"(,"capabilities":)" + merge_capabilities(facts, discover ? Revision::v2026_07_28 : agreed);
  if (!discover) result += R"(,"serverInfo":)" + std::string(own_client_info());
  const std::string instructions = named.empty() ? std::string() : merge_instructions(named);
  if (!instructions.empty()) result += R"(,"instructions":)" + instructions;
  if (discover) result += R"(,"ttlMs":0,"cacheScope":"private")";
  std::string meta;
  if (discover) meta += "\"" + std::string(kMetaServerInfo) + "\":" + std::string(own_client_info());
  if (!lacking->nothing()) {
    if (!meta.empty()) meta += ',';
    meta += R"("weir/partial":)" + partial_value(lacking->missing, lacking->stale);
  }
  if (!meta.empty()) result += R"(,"_meta":{)" + meta + '}';
  result += '}';
  co_return respond(call, result);
}

}  // namespace weir
