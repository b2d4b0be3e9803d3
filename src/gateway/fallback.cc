#include "gateway/fallback.h"

#include <algorithm>

#include "gateway/bridge.h"
#include "gateway/fan_out.h"
#include "gateway/pin_gate.h"
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

// Whoever stands in, what was tried so far counts for where it was tried, as what it came to.
void note_attempts(CallNotes* notes, Error::Kind how, bool answered = false) {
  if (notes == nullptr) return;
  while (notes->attempts > notes->failed.size()) notes->note_failed(notes->endpoint, how, answered);
}

// The call is told as the first server's after all: nothing of who could not stand in is said of that one.
class Told {
 public:
  explicit Told(CallNotes* notes) : notes_(notes) {
    if (notes == nullptr) return;
    server_ = notes->server;
    endpoint_ = notes->endpoint;
    revision_ = notes->upstream_revision;
  }
  void restore() const {
    if (notes_ == nullptr) return;
    notes_->server = server_;
    notes_->endpoint = endpoint_;
    notes_->upstream_revision = revision_;
  }

 private:
  CallNotes* const notes_;
  std::string_view server_;
  std::string_view endpoint_;
  Revision revision_{};
};

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
                     const Error& failed, std::string marked, Answer& answer) {
  std::size_t other = call.plan.find(config.server);
  if (other == Plan::kAll || leaf.deadline <= Shard::current().now()) co_return false;
  if (call.row.name == "tools/call" && !pins_allow(call.plan, other, name)) co_return false;
  call.stand_in = std::make_unique<Call>(leaf, leaf.cancel);
  Call& again = *call.stand_in;
  again.target = name;
  again.at = 0;
  again.tried = Tried();
  again.takes_large = false;  // its result is to be marked
  again.client.param_headers = {};
  if (again.repeats != nullptr) call.repeats.set(other, name);
  note_attempts(call.notes, failed.kind());
  const Told first(call.notes);
  if (call.notes != nullptr) call.notes->server = call.plan.servers[other]->name();
  if (call.keyed) call.keyed->may_run(again.may_repeat());
  Result<Reply> reply = co_await call_bridged(call, again, other);
  // What may have run there is to be told, and not that nothing was sent here.
  const bool ran = !again.may_repeat() && (reply || reply.error().sent() == Error::Sent::maybe);
  const bool good = reply && !(reply->first.last && reply->first.message->kind() == Message::Kind::error);
  if (!good && !ran) {
    note_attempts(call.notes, reply ? failed.kind() : reply.error().kind(), reply.has_value());
    first.restore();
    co_return false;
  }
  if (!reply) {
    if (call.keyed) call.keyed->failed(reply.error());
    put_fault(answer, call, reply.error(), other);
    co_return true;
  }
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
  if (fixed) {
    note_attempts(call.notes, failed.kind());
    put_text(call, *config, mark(call, server, failed), answer);
  } else {
    done = co_await ask_other(call, leaf, *config, leaf.target.empty() ? tool : leaf.target, failed,
                              mark(call, server, failed), answer);
  }
  upstream.note_fallback(done);
  if (fixed) answer.server = server;
  co_return done;
}

}  // namespace weir
