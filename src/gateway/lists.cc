#include "gateway/lists.h"

#include <algorithm>
#include <unordered_set>

#include "gateway/tool_headers.h"
#include "mcp/outgoing.h"
#include "runtime/nursery.h"
#include "runtime/shard.h"

namespace weir {
namespace {

constexpr std::size_t kPagesMax = 1000;
constexpr std::size_t kEntriesMax = 100'000;

auto nonsense(std::string detail) {
  return fail(Error::Kind::upstream_protocol, Error::Side::upstream, Error::Sent::maybe, std::move(detail));
}

// What this server may take for its part of a list.
TimePoint patience(const Plan& plan, std::size_t server) {
  const TimeoutConfig& timeout = plan.settings(server).timeout;
  const bool starting = plan.servers[server]->status()->state == ServerState::starting;
  return Shard::current().now() + (starting ? std::max(timeout.startup, timeout.list) : timeout.list);
}

std::string list_request(ListKind kind, const std::string* cursor) {
  std::string out = R"({"jsonrpc":"2.0","id":0,"method":")";
  out += list_method(kind).name;
  out += '"';
  if (cursor != nullptr) {
    out += R"(,"params":{"cursor":)";
    json_append_string(out, *cursor);
    out += '}';
  }
  out += '}';
  return out;
}

/// One server's part of a fan-out.
template <class T>
struct Part {
  std::size_t server = 0;
  std::optional<Result<T>> outcome;
};

Task<void> fetch_part(ClientCall& call, ListKind kind, Part<std::vector<ListPage>>& part) {
  part.outcome.emplace(co_await fetch_list(call.plan, part.server, kind, call.asks_one() ? &call : nullptr,
                                           patience(call.plan, part.server), call.cancel));
}

Task<void> meet_part(ClientCall& call, Part<std::shared_ptr<const Peer>>& part) {
  Upstream& server = *call.plan.servers[part.server];
  part.outcome.emplace(co_await server.ready(patience(call.plan, part.server), call.cancel));
}

template <class T>
std::vector<Part<T>> parts_of(const ClientCall& call) {
  std::vector<Part<T>> parts;
  for (std::size_t i = 0; i < call.plan.servers.size(); ++i) {
    if (call.only != Plan::kAll && call.only != i) continue;
    parts.emplace_back();
    parts.back().server = i;
  }
  return parts;
}

// Errors of all parts: what is missing, or the first error when nothing is left.
template <class T>
Result<std::vector<MissingServer>> missing_of(const ClientCall& call, const std::vector<Part<T>>& parts) {
  std::vector<MissingServer> missing;
  const Error* first = nullptr;
  for (const Part<T>& part : parts) {
    if (*part.outcome) continue;
    const Error& error = part.outcome->error();
    if (first == nullptr) first = &error;
    missing.push_back({call.plan.servers[part.server]->name(), std::string(to_string(error.kind()))});
  }
  if (first != nullptr && missing.size() == parts.size()) return fail(*first);
  return missing;
}

std::string respond(const ClientCall& call, std::string_view result) {
  std::string out = R"({"jsonrpc":"2.0","id":)";
  out += call.message.raw_id();
  out += R"(,"result":)";
  out += result;
  out += '}';
  return out;
}

// One server alone: its own answer, byte for byte, all pages in one.
std::string one_servers_list(const ClientCall& call, ListKind kind, const std::vector<ListPage>& pages,
                             Revision upstream) {
  OutgoingAnswer answer;
  answer.client_id = call.message.raw_id();
  answer.client = call.client.revision;
  answer.upstream = upstream;
  std::string out;
  if (pages.size() == 1 && pages.front().withheld.empty()) {
    append_response(out, pages.front().response, call.row, answer);
    return out;
  }
  const auto joined =
      Message::index(Bytes::copy_of(join_pages(pages, kind)), JsonLimits(), Message::From::upstream);
  if (joined) append_response(out, *joined, call.row, answer);
  return out;
}

}  // namespace

Task<Result<Message>> last_message(Result<Reply> reply) {
  if (!reply) co_return fail(reply.error());
  if (reply->first.last) co_return std::move(*reply->first.message);
  while (true) {
    Result<ReplyEvent> event = co_await reply->rest->next(kForever);
    if (!event) co_return fail(event.error());
    if (event->last) co_return std::move(*event->message);
  }
}

Task<Result<std::vector<ListPage>>> fetch_list(const Plan& plan, std::size_t server, ListKind kind,
                                               const ClientCall* by, TimePoint deadline,
                                               CancelScope& cancel) {
  std::vector<ListPage> pages;
  Identities identities;
  ParamTable params;
  std::optional<std::string> cursor;
  std::uint32_t endpoint = 0;
  while (true) {
    const std::string text = list_request(kind, cursor ? &*cursor : nullptr);
    const auto own = Message::index(Bytes::copy_of(text), JsonLimits(), Message::From::upstream);
    const bool as_asked = by != nullptr && !cursor;
    Call call(as_asked ? by->message : *own, list_method(kind), cancel);
    call.deadline = deadline;
    if (by != nullptr) {
      call.client = by->client;
      call.trace = by->trace;
    }
    if (!as_asked) call.client.revision = kNewestOld;  // the envelope of a new request is made at the edge
    call.at = endpoint;
    Result<Reply> reply = co_await plan.servers[server]->call(call);
    const std::shared_ptr<const Peer> peer = reply ? reply->peer : nullptr;
    if (reply) endpoint = reply->endpoint;  // a cursor is good where it was made
    Result<Message> response = co_await last_message(std::move(reply));
    if (!response) co_return fail(response.error());
    if (response->kind() == Message::Kind::error) {
      const int code = error_code(response->error());
      // A server without such things says so in many ways; it has none of them.
      if (code == -32601) {
        note_seen(plan, kind, server, {});
        co_return pages;
      }
      co_return nonsense("it refused to list: " + std::string(response->error()));
    }
    Result<ListPage> page = read_list_page(std::move(*response), kind);
    if (!page) co_return fail(page.error());
    if (kind == ListKind::tools)
      read_tool_headers(*page, takes_headers(*plan.servers[server], *peer), params);
    for (const ListEntry& entry : page->entries) identities.push_back(entry.identity);
    std::optional<std::string> next = page->next_cursor;
    pages.push_back(std::move(*page));
    if (!next || next->empty()) break;
    if (pages.size() == kPagesMax || identities.size() > kEntriesMax || next == cursor)
      co_return nonsense("its list has no end");
    cursor = std::move(next);
  }
  // What begins at a client's own cursor is not the whole list.
  if (by == nullptr || by->message.param().find("cursor").empty())
    note_seen(plan, kind, server, std::move(identities), std::move(params));
  co_return pages;
}

Task<Result<std::string>> answer_list(ClientCall& call) {
  const ListKind kind = call.row.kind;
  std::vector<Part<std::vector<ListPage>>> parts = parts_of<std::vector<ListPage>>(call);
  Nursery nursery;
  const TimePoint begun = Shard::current().now();
  for (auto& part : parts) nursery.start(fetch_part(call, kind, part));
  co_await nursery.join();
  if (call.notes != nullptr) call.notes->upstream_time += Shard::current().now() - begun;
  const Result<std::vector<MissingServer>> missing = missing_of(call, parts);
  if (!missing) co_return fail(missing.error());
  if (call.asks_one() && !call.plan.names.prefixed && parts.size() == 1 && !(*parts[0].outcome)->empty()) {
    const auto peer = call.plan.servers[parts[0].server]->status()->peer;
    const Revision revision = peer ? peer->facts.revision : call.client.revision;
    co_return one_servers_list(call, kind, **parts[0].outcome, revision);
  }
  const auto catalogue = call.plan.catalogue->load();
  const bool own_names = call.only != Plan::kAll;
  std::vector<NamedEntry> entries;
  std::unordered_set<std::string> listed;
  std::uint64_t ttl = ~std::uint64_t{0};
  bool all_public = true;
  for (const auto& part : parts) {
    if (!*part.outcome) continue;
    for (const ListPage& page : **part.outcome) {
      ttl = std::min(ttl, page.ttl_ms);
      all_public = all_public && page.is_public;
      for (const ListEntry& entry : page.entries) {
        std::string name = own_names ? entry.identity : catalogue->exposed(kind, part.server, entry.identity);
        // A server that names two things alike means the first.
        if (listed.insert(name).second) entries.push_back({&entry, std::move(name)});
      }
    }
  }
  if (ttl == ~std::uint64_t{0}) ttl = 0;
  std::string result;
  append_list_result(result, kind, call.client.revision, entries, ttl, all_public && !entries.empty(),
                     partial_value(*missing));
  co_return respond(call, result);
}

Task<Result<std::string>> answer_introduction(ClientCall& call, Revision agreed) {
  std::vector<Part<std::shared_ptr<const Peer>>> parts = parts_of<std::shared_ptr<const Peer>>(call);
  Nursery nursery;
  const TimePoint begun = Shard::current().now();
  for (auto& part : parts) nursery.start(meet_part(call, part));
  co_await nursery.join();
  if (call.notes != nullptr) call.notes->upstream_time += Shard::current().now() - begun;
  const Result<std::vector<MissingServer>> missing = missing_of(call, parts);
  if (!missing) co_return fail(missing.error());
  std::vector<const ServerFacts*> facts;
  std::vector<std::pair<std::string_view, const ServerFacts*>> named;
  for (const auto& part : parts) {
    if (!*part.outcome) continue;
    facts.push_back(&(**part.outcome)->facts);
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
  if (!missing->empty()) {
    if (!meta.empty()) meta += ',';
    meta += R"("weir/partial":)" + partial_value(*missing);
  }
  if (!meta.empty()) result += R"(,"_meta":{)" + meta + '}';
  result += '}';
  co_return respond(call, result);
}

}  // namespace weir
