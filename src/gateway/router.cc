#include "gateway/router.h"

#include <algorithm>

#include "gateway/bridge.h"
#include "gateway/call_keyed.h"
#include "gateway/fallback.h"
#include "gateway/find_name.h"
#include "gateway/pin_gate.h"
#include "gateway/subscribe.h"
#include "gateway/task_calls.h"
#include "gateway/tool_headers.h"
#include "gateway/wishes.h"
#include "mcp/fault_map.h"
#include "mcp/header_value.h"
#include "mcp/outgoing.h"
#include "obs/rejections.h"
#include "runtime/shard.h"

namespace weir {
namespace {

// The kind of entries that a completion's reference speaks of.
ListKind kind_of_ref(const Message& message) {
  const std::string_view ref = message.param().find("ref");
  return ref.find("ref/resource") != std::string_view::npos ? ListKind::templates : ListKind::prompts;
}

// `server` may come out as another: a retry goes on where it began. The deadline is the caller's to set.
Task<Result<Reply>> call_server(ClientCall& call, Call& leaf, std::size_t& server) {
  leaf.input_time = call.plan.settings(server).timeout.input;
  if (call.notes != nullptr) call.notes->server = call.plan.servers[server]->name();
  return call_bridged(call, leaf, server);
}

void put_reply(Answer& answer, const ClientCall& call, Result<Reply>& reply, std::size_t server) {
  if (!reply && reply.error().kind() == Error::Kind::not_found && reply.error().side() == Error::Side::client)
    return put_refusal(answer, call, kInvalidParams, reply.error().detail());
  if (!reply) return put_fault(answer, call, reply.error(), server);
  answer.server = server;
  answer.reply.emplace(std::move(*reply));
}

Task<void> forward(ClientCall& call, Call& leaf, std::size_t server, Answer& answer) {
  leaf.deadline = deadline_of(call, call.plan.settings(server), {});
  Result<Reply> reply = co_await call_server(call, leaf, server);
  if (!reply && server != Plan::kAll && has_fallback(call.plan.settings(server))) {
    const bool stands_in = co_await fall_back(call, leaf, server, {}, reply.error(), answer);
    if (stands_in) co_return;
  }
  put_reply(answer, call, reply, server);
}

// A retry whose name or URI leads nowhere by now: the call that waits for it goes on where it began.
Task<void> go_on_parked(ClientCall& call, Call& leaf, Answer& answer) {
  std::size_t server = Plan::kAll;
  Result<Reply> reply = co_await call_bridged(call, leaf, server);
  put_reply(answer, call, reply, server);
}

bool is_parked(const ClientCall& call) {
  return call.continued && call.continued->kind == RequestState::Kind::parked;
}

Task<void> route_by_name(ClientCall& call, Call& leaf, ListKind kind, std::string& target, Answer& answer) {
  std::string_view name = raw_target(call.message, call.row);
  if (name.empty()) {
    put_refusal(answer, call, kInvalidParams,
                call.row.route == Route::by_ref ? "params.ref names neither a prompt nor a resource"
                                                : "params has no name");
    co_return;
  }
  name = name.substr(1, name.size() - 2);
  std::string plain;
  if (name.find('\\') != std::string_view::npos) {
    if (has_lone_surrogate(name)) {
      put_refusal(answer, call, kInvalidParams, "params.name has half of a surrogate pair");
      co_return;
    }
    name = plain = json_unescape(name);
  } else {
    leaf.name = name;
  }
  std::size_t server = Plan::kAll;
  if (call.asks_one() && !(call.only == Plan::kAll && call.plan.names.prefixed)) {
    // Its own names; with its prefix they resolve too, unless it has a tool that is called so.
    server = call.the_one();
    const std::string_view rest = unprefixed(call.plan.names, call.plan.servers[server]->name(), name);
    if (!rest.empty() && !call.plan.catalogue->load()->has(kind, server, name)) target = rest;
  } else {
    server = find_name(call, kind, name, target);
    if (server == Plan::kAll) {
      co_await learn_names(call, kind);
      server = find_name(call, kind, name, target);
    }
    if (server == Plan::kAll && is_parked(call)) {
      co_await go_on_parked(call, leaf, answer);
      co_return;
    }
    if (server == Plan::kAll) {
      put_unknown_name(answer, call, kind, name);
      co_return;
    }
  }
  leaf.target = target;
  if (!target.empty()) name = target;
  const bool tool = kind == ListKind::tools;
  // One for all that is needed to answer: learning the tool's schema, the call, and the call again.
  leaf.deadline = deadline_of(call, call.plan.settings(server), name);
  if (tool) {
    call.repeats.set(server, name);
    leaf.repeats = &call.repeats;
  }
  if (tool && !pins_allow(call.plan, server, name)) {
    const bool admitted = co_await admit_pinned(call, leaf, server, name, answer);
    if (!admitted) co_return;
  }
  if (tool && !call.key.empty()) {
    const bool first = co_await begin_keyed(call, leaf, server, name, answer);
    if (!first) co_return;
  }
  if (tool && call.plan.tool_headers[server].load(std::memory_order_relaxed) != ToolHeaders::none) {
    bool may = co_await mirror_arguments(call, leaf, server, name, answer);
    // It may have listed anew.
    if (may && !pins_allow(call.plan, server, name))
      may = co_await admit_pinned(call, leaf, server, name, answer);
    if (!may) co_return;
  }
  Result<Reply> reply = co_await call_server(call, leaf, server);
  if (tool && server != Plan::kAll && refused_headers(reply) &&
      takes_headers(*call.plan.servers[server], *reply->peer)) {
    bool again = co_await mirror_again(call, leaf, server, name, answer);
    if (again && !pins_allow(call.plan, server, name))
      again = co_await admit_pinned(call, leaf, server, name, answer);
    if (again) reply = co_await call_server(call, leaf, server);
    if (answer.text.empty() && refused_headers(reply)) put_headers_refused(answer, call, *reply, server);
    if (!answer.text.empty()) co_return;
  }
  if (!reply && server != Plan::kAll && has_fallback(call.plan.settings(server))) {
    const bool stands_in = co_await fall_back(call, leaf, server, name, reply.error(), answer);
    if (stands_in) co_return;
  }
  if (!reply && call.keyed) call.keyed->failed(reply.error());
  put_reply(answer, call, reply, server);
}

// True if the server says that it does not know this resource.
bool unknown_resource(const Answer& answer) {
  if (!answer.reply || !answer.reply->first.last || answer.reply->large) return false;
  const Message& message = *answer.reply->first.message;
  if (message.kind() != Message::Kind::error) return false;
  const int code = error_code(message.error());
  return code == -32002 || code == -32602 || code == -32601;
}

Task<void> route_by_uri(ClientCall& call, Call& leaf, ListKind kind, std::string& target, Answer& answer) {
  const std::string_view raw = raw_target(call.message, call.row);
  if (raw.empty()) {
    put_refusal(answer, call, kInvalidParams, "params has no uri");
    co_return;
  }
  const std::string uri = json_unescape(raw);
  if (call.asks_one()) {
    co_await forward(call, leaf, call.the_one(), answer);
    co_return;
  }
  if (is_parked(call)) {
    co_await go_on_parked(call, leaf, answer);
    co_return;
  }
  if (call.continued && !uri.starts_with("weir://") && !call.plan.servers.empty()) {
    co_await forward(call, leaf, 0, answer);
    co_return;
  }
  std::string_view name;
  std::string_view original;
  if (split_aliased_uri(uri, name, original)) {
    const std::size_t server = call.plan.find(name);
    if (server != Plan::kAll) {
      target = original;
      leaf.target = target;
      leaf.takes_large = false;  // its URIs are to be edited
      co_await forward(call, leaf, server, answer);
      answer.uri_from = target;
      answer.uri_to = uri;
      co_return;
    }
  }
  const auto catalogue = call.plan.catalogue->load();
  if (const Place* place = catalogue->find(kind, uri); place != nullptr) {
    co_await forward(call, leaf, place->server, answer);
    co_return;
  }
  std::vector<std::size_t> order = catalogue->matching_templates(uri);
  for (std::size_t i = 0; i < call.plan.servers.size(); ++i)
    if (std::find(order.begin(), order.end(), i) == order.end()) order.push_back(i);
  for (const std::size_t server : order) {
    const auto status = call.plan.servers[server]->status();
    const bool resources = !status->peer || status->peer->facts.has("resources");
    if (!resources && server != order.back()) continue;
    Answer next;
    co_await forward(call, leaf, server, next);
    const bool found = next.reply && !unknown_resource(next);
    const bool better = answer.text.empty() && !answer.reply;
    if (found || better || next.reply) answer = std::move(next);
    if (found || call.cancel.cancelled()) co_return;
  }
}

// A list, or what all servers say of themselves.
Task<void> answer_here(ClientCall& call, Answer& answer) {
  if (call.row.route == Route::list && !call.asks_one() && !call.message.param().find("cursor").empty()) {
    put_refusal(answer, call, kInvalidParams, "this list is one page: there is no such cursor");
    co_return;
  }
  // Not a conditional expression: the compiler destroys awaited temporaries in both arms.
  std::optional<Result<std::string>> text;
  if (call.row.route == Route::list)
    text.emplace(co_await answer_list(call));
  else
    text.emplace(co_await answer_introduction(call, Revision::v2026_07_28));
  if (*text)
    answer.text = std::move(**text);
  else
    put_fault(answer, call, text->error(), call.asks_one() ? call.the_one() : Plan::kAll);
}

Task<void> refuse(ClientCall& call, Answer& answer) {
  put_refusal(answer, call, -32601, "method not found");
  co_return;
}

Task<void> refuse_wish(ClientCall& call, std::string_view sentence, Answer& answer) {
  put_refusal(answer, call, kInvalidParams, sentence);
  co_return;
}

Task<void> refuse_state(ClientCall& call, Answer& answer) {
  count_rejected(Rejected::request_state);
  put_refusal(answer, call, kInvalidParams,
              "params.requestState was not given out for this request and this client");
  co_return;
}

}  // namespace

void put_fault(Answer& answer, const ClientCall& call, const Error& error, std::size_t server) {
  answer.server = server;
  answer.outcome = to_string(error.kind()).data();
  const std::string_view name =
      server == Plan::kAll ? std::string_view() : std::string_view(call.plan.servers[server]->name());
  append_fault(answer.text, call.message.raw_id(), error, name);
}

TimePoint deadline_of(const ClientCall& call, const ServerConfig& config, std::string_view tool) {
  Duration time = config.timeout.request;
  if (call.row.route == Route::by_name && call.row.kind == ListKind::tools && !config.tools.empty()) {
    const auto own = config.tools.find(std::string(tool));
    if (own != config.tools.end() && own->second.timeout) time = *own->second.timeout;
  }
  return std::min(call.answer_by, Shard::current().now() + time);
}

// No coroutine of its own: one frame less on each call.
Task<void> route_request(ClientCall& call, Call& leaf, std::string& target, Answer& answer) {
  if (const std::string_view wrong = read_wishes(call); !wrong.empty())
    return refuse_wish(call, wrong, answer);
  leaf.priority = call.priority;
  leaf.timed = call.answer_by != kForever;
  if (!read_request_state(call)) return refuse_state(call, answer);
  switch (call.row.route) {
    case Route::by_name:
      return route_by_name(call, leaf, call.row.kind, target, answer);
    case Route::by_uri:
      return route_by_uri(call, leaf, call.row.kind, target, answer);
    case Route::by_ref: {
      const ListKind kind = kind_of_ref(call.message);
      if (kind == ListKind::templates) return route_by_uri(call, leaf, kind, target, answer);
      return route_by_name(call, leaf, kind, target, answer);
    }
    case Route::task:
    case Route::task_list:
      return route_task(call, leaf, target, answer);
    case Route::subscribe:
    case Route::unsubscribe:
      return route_subscription(call, leaf, target, answer);
    case Route::list:
    case Route::discover:
      return answer_here(call, answer);
    default:
      return refuse(call, answer);
  }
}

}  // namespace weir
