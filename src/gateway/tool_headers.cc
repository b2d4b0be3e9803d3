#include "gateway/tool_headers.h"

#include <algorithm>

#include "mcp/fault_map.h"
#include "mcp/param_headers.h"
#include "runtime/shard.h"

namespace weir {
namespace {

constexpr int kInvalidParams = -32602;

std::string withheld_sentence(const Plan& plan, std::size_t server, std::string_view tool,
                              const std::string& fault) {
  return "the tool \"" + std::string(tool) + "\" of server \"" + plan.servers[server]->name() +
         "\" is left out, since its definition is invalid: " + fault;
}

/// What is wrong with a call by what is known now; code 0: nothing.
struct Mirroring {
  Mirroring() = default;
  Mirroring(int json_rpc_code, std::string why) : code(json_rpc_code), sentence(std::move(why)) {}
  int code = 0;
  std::string sentence;
};

// Judges the client's headers and makes the server's.
Mirroring mirror(const ClientCall& call, Call& leaf, std::size_t server, std::string_view tool,
                 Answer& answer) {
  const std::string_view own = call.client.param_headers;
  leaf.client.param_headers = own;
  const auto catalogue = call.plan.catalogue->load();
  const ParamRules* rules = catalogue->params(server, tool);
  if (rules == nullptr) return {};
  if (!rules->fault.empty())
    return Mirroring(kInvalidParams, withheld_sentence(call.plan, server, tool, rules->fault));
  const std::string_view arguments = call.message.param().find("arguments");
  if (is_new(call.client.revision) && call.client.has_headers) {
    std::string wrong = check_param_headers(*rules, arguments, own);
    if (!wrong.empty()) return Mirroring(kHeaderMismatch, std::move(wrong));
  }
  answer.param_headers.clear();
  append_param_headers(answer.param_headers, *rules, arguments, own);
  leaf.client.param_headers = answer.param_headers;
  return {};
}

void put_mirroring(Answer& answer, const ClientCall& call, const Mirroring& verdict, std::size_t server) {
  answer.server = server;
  answer.outcome = "invalid_request";
  if (verdict.code == kHeaderMismatch) answer.status = 400;
  append_error(answer.text, call.message.raw_id(), verdict.code, verdict.sentence);
}

// Lists the server's tools, which notes what they want mirrored. False: it could not.
Task<bool> list_again(ClientCall& call, const Call& leaf, std::size_t server) {
  const TimePoint begun = Shard::current().now();
  const TimePoint deadline = std::min(leaf.deadline, begun + call.plan.settings(server).timeout.list);
  const auto pages = co_await fetch_list(call.plan, server, ListKind::tools, nullptr, deadline, call.cancel);
  if (call.notes != nullptr) call.notes->upstream_time += Shard::current().now() - begun;
  co_return pages.has_value();
}

// Before the first list: a call may come as soon as the server is there. One try; a server that cannot list
// may still be called. Errors: it is not there.
Task<Result<void>> learn_headers(ClientCall& call, const Call& leaf, std::size_t server) {
  Upstream& upstream = *call.plan.servers[server];
  const Result<std::shared_ptr<const Peer>> peer = co_await upstream.ready(leaf.deadline, call.cancel);
  if (!peer) co_return fail(peer.error());
  const bool held = is_new(call.client.revision) && call.client.has_headers;
  if (!held && !takes_headers(upstream, **peer)) co_return Result<void>();
  const bool listed = co_await list_again(call, leaf, server);
  ToolHeaders unseen = ToolHeaders::unseen;
  if (!listed && !call.cancel.cancelled())
    call.plan.tool_headers[server].compare_exchange_strong(unseen, ToolHeaders::unknown);
  co_return Result<void>();
}

}  // namespace

bool takes_headers(const Upstream& server, const Peer& peer) noexcept {
  return server.config().type == ServerConfig::Type::http && is_new(peer.facts.revision);
}

void read_tool_headers(ListPage& page, bool strict, HeaderRules& table) {
  const auto invalid = [&](const ListEntry& entry) {
    ParamRules rules = read_param_rules(entry.input_schema);
    const bool bad = !rules.fault.empty();
    if (bad && !strict) return false;
    if (bad) {
      table.try_emplace(entry.identity, std::move(rules));
      page.withheld.push_back(entry.raw);
      return true;
    }
    // Of two tools called alike the first that is shown is meant.
    const auto known = table.find(entry.identity);
    if (known != table.end() && !known->second.fault.empty()) table.erase(known);
    if (!rules.params.empty()) table.try_emplace(entry.identity, std::move(rules));
    return false;
  };
  std::erase_if(page.entries, invalid);
}

Task<bool> mirror_arguments(ClientCall& call, Call& leaf, std::size_t server, std::string_view tool,
                            Answer& answer) {
  const bool unseen = call.plan.tool_headers[server].load() == ToolHeaders::unseen;
  if (unseen) {
    const Result<void> learned = co_await learn_headers(call, leaf, server);
    if (!learned) {
      put_fault(answer, call, learned.error(), server);
      co_return false;
    }
  }
  Mirroring verdict = mirror(call, leaf, server, tool, answer);
  if (verdict.code != 0 && !unseen) {
    // The client, or the server, may be ahead of what is known here.
    const bool listed = co_await list_again(call, leaf, server);
    if (listed) verdict = mirror(call, leaf, server, tool, answer);
  }
  if (verdict.code == 0) co_return true;
  put_mirroring(answer, call, verdict, server);
  co_return false;
}

Task<bool> mirror_again(ClientCall& call, Call& leaf, std::size_t server, std::string_view tool,
                        Answer& answer) {
  const std::string before(leaf.client.param_headers);
  const bool listed = co_await list_again(call, leaf, server);
  if (!listed) co_return false;
  const Mirroring verdict = mirror(call, leaf, server, tool, answer);
  if (verdict.code == 0) co_return leaf.client.param_headers != before;
  put_mirroring(answer, call, verdict, server);
  co_return false;
}

void put_headers_refused(Answer& answer, const ClientCall& call, const Reply& refused, std::size_t server) {
  if (!is_new(call.client.revision)) return;
  OutgoingAnswer made;
  made.client_id = call.message.raw_id();
  answer.server = server;
  answer.outcome = "upstream_error";
  answer.status = 400;
  append_response(answer.text, *refused.first.message, call.row, made);
}

std::string why_withheld(const Plan& plan, std::size_t server, std::string_view tool) {
  const auto catalogue = plan.catalogue->load();
  const ParamRules* rules = catalogue->params(server, tool);
  if (rules == nullptr || rules->fault.empty()) return {};
  return withheld_sentence(plan, server, tool, rules->fault);
}

}  // namespace weir
