#include "gateway/fallback.h"

#include <algorithm>

#include "gateway/bridge.h"
#include "gateway/fan_out.h"
#include "runtime/shard.h"

namespace weir {
namespace {

// What its server's own state, or a word of the client's, is for: nobody else can answer that.
bool may_stand_in(const Call& leaf, const Error& failed) {
  using Kind = Error::Kind;
  switch (failed.kind()) {
    case Kind::unreachable:
    case Kind::upstream_protocol:
    case Kind::deadline_exceeded:
    case Kind::overloaded:
    case Kind::no_healthy_endpoint:
    case Kind::outcome_unknown:
    case Kind::needs_authorization:
      break;
    default:
      return false;
  }
  return (failed.sent() == Error::Sent::no || leaf.may_repeat()) && leaf.request_state.empty();
}

const FallbackConfig* fallback_of(const ServerConfig& config, std::string_view tool) {
  if (!tool.empty())
    if (const auto own = config.tools.find(std::string(tool)); own != config.tools.end())
      if (own->second.fallback) return &*own->second.fallback;
  return config.fallback ? &*config.fallback : nullptr;
}

std::string mark(const ClientCall& call, std::size_t server, const Error& failed) {
  std::string out = "{\"server\":";
  json_append_string(out, call.plan.servers[server]->name());
  return out + ",\"reason\":\"" + std::string(to_string(failed.kind())) + "\"}";
}

void put_text(ClientCall& call, const FallbackConfig& config, std::string marked, Answer& answer) {
  std::string result = is_new(call.client.revision) ? R"({"resultType":"complete",)" : "{";
  result += R"("content":[{"type":"text","text":)";
  json_append_string(result, config.text);
  result += "}]";
  if (config.error) result += R"(,"isError":true)";
  result += R"(,"_meta":{"weir/fallback":)" + std::move(marked) + "}}";
  answer.text = respond(call, result);
  answer.outcome = config.error ? "tool_error" : "ok";
}

Task<bool> ask_other(ClientCall& call, Call& leaf, const FallbackConfig& config, std::string_view name,
                     std::string marked, Answer& answer) {
  std::size_t other = call.plan.find(config.server);
  if (other == Plan::kAll || leaf.deadline <= Shard::current().now()) co_return false;
  call.stand_in = std::make_unique<Call>(leaf, leaf.cancel);
  Call& again = *call.stand_in;
  again.target = name;
  again.at = 0;
  again.tried = Tried();
  again.takes_large = false;  // its result is to be marked
  again.client.param_headers = {};
  if (again.repeats != nullptr) call.repeats.set(other, name);
  if (call.notes != nullptr) call.notes->server = call.plan.servers[other]->name();
  Result<Reply> reply = co_await call_bridged(call, again, other);
  const bool good = reply && !(reply->first.last && reply->first.message->kind() == Message::Kind::error);
  if (!good) co_return false;
  answer.server = other;
  answer.fallback = std::move(marked);
  answer.reply.emplace(std::move(*reply));
  co_return true;
}

}  // namespace

bool has_fallback(const ServerConfig& config) noexcept {
  return config.fallback || std::any_of(config.tools.begin(), config.tools.end(),
                                        [](const auto& tool) { return tool.second.fallback.has_value(); });
}

Task<bool> fall_back(ClientCall& call, Call& leaf, std::size_t server, std::string_view tool,
                     const Error& failed, Answer& answer) {
  const FallbackConfig* config = fallback_of(call.plan.settings(server), tool);
  if (config == nullptr || call.continued || !may_stand_in(leaf, failed)) co_return false;
  Upstream& upstream = *call.plan.servers[server];
  const bool fixed = config->server.empty();
  if (fixed && call.row.name != "tools/call") co_return false;
  bool done = fixed;
  if (fixed)
    put_text(call, *config, mark(call, server, failed), answer);
  else
    done = co_await ask_other(call, leaf, *config, leaf.target.empty() ? tool : leaf.target,
                              mark(call, server, failed), answer);
  upstream.note_fallback(done);
  if (fixed) answer.server = server;
  co_return done;
}

}  // namespace weir
