#include "gateway/lists.h"

#include <algorithm>
#include <unordered_set>

#include "gateway/fan_out.h"
#include "gateway/pinned_lists.h"
#include "gateway/tool_headers.h"
#include "mcp/fault_map.h"
#include "mcp/outgoing.h"
#include "runtime/nursery.h"
#include "runtime/shard.h"

namespace weir {
namespace {

constexpr std::size_t kPagesMax = 1000;
constexpr std::size_t kEntriesMax = 100'000;
constexpr std::size_t kMembersMax = 4'000'000;  // of all pages
constexpr std::size_t kMessagesMax = 4;         // as large as so many messages may be

auto nonsense(std::string detail) {
  return fail(Error::Kind::upstream_protocol, Error::Side::upstream, Error::Sent::maybe, std::move(detail));
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

/// One server's part of a list: what it answers, or what it was last known to offer.
struct ListPart {
  std::size_t server = 0;
  KeptList kept;  // null: nothing may stand in
  std::optional<Result<std::vector<ListPage>>> outcome;
};

Task<void> fetch_part(ClientCall& call, ListKind kind, ListPart& part) {
  const TimePoint deadline =
      std::min(call.answer_by, patience(call.plan, part.server, part.kept.page != nullptr));
  part.outcome.emplace(co_await fetch_list(call.plan, part.server, kind, call.asks_one() ? &call : nullptr,
                                           deadline, call.cancel));
  // What a server that is there answers to this one client is not put right by what it told Weir.
  if (call.asks_one() && !*part.outcome && part.outcome->error().kind() == Error::Kind::upstream_protocol &&
      part.outcome->error().status() < 500)
    part.kept = {};
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
  JsonLimits limits;
  limits.members_max = kMembersMax;
  const auto joined =
      Message::index(Bytes::copy_of(join_pages(pages, kind)), limits, Message::From::upstream);
  if (joined)
    append_response(out, *joined, call.row, answer);
  else
    append_fault(out, call.message.raw_id(),
                 Error(Error::Kind::upstream_protocol, Error::Side::upstream, Error::Sent::maybe,
                       "its list can't be joined: " + joined.error().reason),
                 {});
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
                                               const ClientCall* by, TimePoint deadline, CancelScope& cancel,
                                               std::uint32_t at) {
  Pins* const pins = pins_of(plan, server, kind);
  // What is approved first is what all are shown, not what this client is.
  if (by != nullptr && pins != nullptr && pins->unset()) {
    const auto own = co_await fetch_list(plan, server, kind, nullptr, deadline, cancel);
    (void)own.has_value();  // without it nothing is approved
  }
  PinLook look;
  look.own = by == nullptr;
  look.whole = by == nullptr || by->message.param().find("cursor").empty();
  std::vector<ListPage> pages;
  Identities identities;
  ToolTable table;
  std::unordered_set<std::string> named;
  std::size_t bytes = 0;
  std::optional<std::string> cursor;
  std::uint32_t endpoint = at;
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
    call.at_only = endpoint != 0;
    Result<Reply> reply = co_await plan.servers[server]->call(call);
    const std::shared_ptr<const Peer> peer = reply ? reply->peer : nullptr;
    if (reply) endpoint = reply->endpoint;  // a cursor is good where it was made
    Result<Message> response = co_await last_message(std::move(reply));
    if (!response) co_return fail(response.error());
    if (response->kind() == Message::Kind::error) {
      const int code = error_code(response->error());
      // A server without such things says so in many ways; it has none of them.
      if (code == -32601 && pages.empty()) {
        look.endpoint = endpoint;
        look.peer = peer;
        if (pins != nullptr) (void)hold_to_pins(plan, server, *pins, look, {pages, identities, table});
        if (at != 0) co_return pages;
        note_seen(plan, kind, server, {});
        if (by == nullptr) plan.last_good[server]->note(kind, {}, Shard::current().wall_now());
        co_return pages;
      }
      co_return nonsense("it refused to list: " + std::string(response->error()));
    }
    Result<ListPage> page = read_list_page(std::move(*response), kind);
    if (!page) co_return fail(page.error());
    bytes += page->response.text().size();
    if (bytes > kMessagesMax * plan.config.limits.message)
      co_return nonsense("its list is larger than " + std::to_string(kMessagesMax) + " times limits.message");
    // Of two things called alike the first is meant, as everywhere; pins judge both.
    if (pins == nullptr)
      std::erase_if(page->entries, [&](const ListEntry& entry) {
        if (named.insert(entry.identity).second) return false;
        page->withheld.push_back(entry.raw);
        page->faults.emplace_back(entry.identity, "is called like another one before it");
        return true;
      });
    if (plan.tool_withheld)
      for (const auto& [name, fault] : page->faults)
        plan.tool_withheld(plan.servers[server]->name(), name, fault);
    if (kind == ListKind::tools)
      read_tool_headers(*page, takes_headers(*plan.servers[server], *peer), table.params);
    for (const ListEntry& entry : page->entries) {
      identities.push_back(entry.identity);
      if (kind == ListKind::tools && entry.repeatable) table.repeatable.insert(entry.identity);
    }
    look.endpoint = endpoint;
    look.peer = peer;
    std::optional<std::string> next = page->next_cursor;
    pages.push_back(std::move(*page));
    if (!next || next->empty()) break;
    if (pages.size() == kPagesMax || identities.size() > kEntriesMax || next == cursor)
      co_return nonsense("its list has no end");
    cursor = std::move(next);
  }
  if (pins != nullptr) {
    look.revision = look.peer->facts.revision;
    look.now = Shard::current().wall_now();
    const Result<void> held = hold_to_pins(plan, server, *pins, look, {pages, identities, table});
    if (!held) co_return fail(held.error());
  }
  if (at != 0) co_return pages;
  // What one client was shown may be for it alone.
  if (by == nullptr) plan.last_good[server]->note(kind, pages, Shard::current().wall_now());
  // What begins at a client's own cursor is not the whole list.
  if (by == nullptr || by->message.param().find("cursor").empty())
    note_seen(plan, kind, server, std::move(identities), std::move(table));
  co_return pages;
}

Task<Result<std::string>> answer_list(ClientCall& call) {
  const ListKind kind = call.row.kind;
  std::vector<ListPart> parts = parts_of<ListPart>(call);
  // What comes behind a server's own cursor is not the whole list, nor may the whole stand in for it.
  if (call.message.param().find("cursor").empty())
    for (ListPart& part : parts) part.kept = call.plan.last_good[part.server]->list(kind);
  Nursery nursery;
  const TimePoint begun = Shard::current().now();
  for (auto& part : parts) nursery.start(fetch_part(call, kind, part));
  co_await nursery.join();
  if (call.notes != nullptr) call.notes->upstream_time += Shard::current().now() - begun;
  const Result<Lacking> lacking = lacking_of(call, parts);
  if (!lacking) co_return fail(lacking.error());
  if (call.asks_one() && !call.plan.names.prefixed && parts.size() == 1 && *parts[0].outcome &&
      !(*parts[0].outcome)->empty()) {
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
  const auto add = [&](const ListPage& page, std::size_t server, bool kept) {
    for (const ListEntry& entry : page.entries) {
      // It may have been kept before there were pins.
      if (kept && kind == ListKind::tools && !shown_by_pins(call.plan, server, entry)) continue;
      std::string name = own_names ? entry.identity : catalogue->exposed(kind, server, entry.identity);
      // A server that names two things alike means the first.
      if (listed.insert(name).second) entries.push_back({&entry, std::move(name)});
    }
  };
  for (const ListPart& part : parts) {
    if (!*part.outcome) {
      if (stands_in(part)) add(*part.kept.page, part.server, true);
      all_public = all_public && !stands_in(part);
      continue;
    }
    for (const ListPage& page : **part.outcome) {
      ttl = std::min(ttl, page.ttl_ms);
      all_public = all_public && page.is_public;
      add(page, part.server, false);
    }
  }
  if (ttl == ~std::uint64_t{0}) ttl = 0;
  std::string result;
  append_list_result(result, kind, call.client.revision, entries, ttl, all_public && !entries.empty(),
                     partial_value(lacking->missing, lacking->stale));
  co_return respond(call, result);
}

}  // namespace weir
