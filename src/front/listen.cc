// subscriptions/listen: what a client of the new revision wants to hear of, for as long as it listens.
// Source: MCP 2026-07-28 basic/patterns/subscriptions.
#include "front/serving.h"
#include "gateway/subscribe.h"
#include "mcp/client_requests.h"
#include "mcp/splice.h"
#include "mcp/task_ids.h"
#include "runtime/nursery.h"
#include "runtime/shard.h"

namespace weir {
namespace {

constexpr Duration kQuiet = std::chrono::seconds(15);
constexpr Feed::Bounds kBounds{256, 256 * 1024};
constexpr std::size_t kUrisMax = 10'000;

/// A resource that the client asked for.
struct Wanted {
  std::string uri;
  std::string original;
  std::size_t server = Plan::kAll;
  bool agreed = false;
  bool watched = false;  // in the session that all share
};

struct Filter {
  bool lists[3] = {};  // tools, prompts, resources
  std::vector<Wanted> resources;
};
constexpr std::string_view kListFields[] = {"toolsListChanged", "promptsListChanged", "resourcesListChanged"};
constexpr std::string_view kCapabilities[] = {"tools", "prompts", "resources"};
constexpr ListKind kKinds[] = {ListKind::tools, ListKind::prompts, ListKind::resources};

// False if the filter is malformed.
bool read_filter(std::string_view raw, Filter& filter) {
  if (raw.empty() || raw.front() != '{') return false;
  const RawMembers members = members_of(raw);
  for (std::size_t i = 0; i < 3; ++i) {
    const std::string_view value = members.find(kListFields[i]);
    if (!value.empty() && value != "true" && value != "false") return false;
    filter.lists[i] = value == "true";
  }
  const std::string_view uris = members.find("resourceSubscriptions");
  if (uris.empty()) return true;
  JsonCursor cursor(uris, JsonLimits(), false);
  if (!cursor.enter_array()) return false;
  while (cursor.next_element()) {
    const std::string_view value = cursor.take_value();
    if (value.empty() || value.front() != '"' || filter.resources.size() == kUrisMax) return false;
    filter.resources.emplace_back();
    filter.resources.back().uri = json_unescape(value);
  }
  return true;
}

// The server that has it is asked: in the caller's own session where it has one with a child or stream of its
// own, else in the one that all share.
Task<void> agree(const ClientCall& by, Wanted& wanted, TimePoint deadline) {
  co_await know_resource(by.plan, by.only, wanted.uri, by.cancel);
  wanted.server = resource_owner(by.plan, by.only, wanted.uri, wanted.original);
  if (wanted.server == Plan::kAll) co_return;
  Upstream& upstream = *by.plan.servers[wanted.server];
  std::string text = R"({"jsonrpc":"2.0","id":0,"method":"resources/subscribe","params":{"uri":)";
  json_append_string(text, wanted.original);
  text += "}}";
  const auto message = Message::index(Bytes::copy_of(text), JsonLimits(), Message::From::upstream);
  if (!message) co_return;
  Call call(*message, *find_method("resources/subscribe"), by.cancel);
  call.client = by.client;
  call.deadline = deadline;
  if (!upstream.hears_alone(call)) {
    wanted.watched = wanted.agreed = co_await upstream.watch(wanted.original, deadline, by.cancel);
    co_return;
  }
  // What comes before the answer is of no use to a subscription.
  Result<Reply> reply = co_await upstream.call(call);
  while (reply && !reply->first.last) {
    Result<ReplyEvent> next = co_await reply->rest->next(kForever);
    if (!next) co_return;
    reply->first = std::move(*next);
  }
  wanted.agreed = reply && reply->first.message->kind() == Message::Kind::result;
  if (wanted.agreed) upstream.note_subscription(call.client, wanted.original, true);
}

// A client may listen before anything else, as soon as the gateway is there.
Task<void> meet(Upstream& server, TimePoint deadline, CancelScope& cancel) {
  const Result<std::shared_ptr<const Peer>> peer = co_await server.ready(deadline, cancel);
  (void)peer.has_value();  // what has not come in time is left out
}

// What will be honoured of it.
std::string honoured(const Filter& filter, std::size_t kinds) {
  std::string out;
  for (std::size_t i = 0; i < 3; ++i)
    if ((kinds >> static_cast<unsigned>(kKinds[i]) & 1U) != 0)
      out.append(out.empty() ? "\"" : ",\"").append(kListFields[i]).append("\":true");
  std::string uris;
  for (const Wanted& wanted : filter.resources) {
    if (!wanted.agreed) continue;
    if (!uris.empty()) uris += ',';
    json_append_string(uris, wanted.uri);
  }
  if (!uris.empty())
    out += (out.empty() ? "\"" : ",\"") + std::string("resourceSubscriptions\":[") + uris + ']';
  return "\"notifications\":{" + out + '}';
}

}  // namespace

Task<void> Serving::listen(Visit& visit, ClientCall& call) {
  Filter filter;
  if (!read_filter(call.message.param().find("notifications"), filter)) {
    co_await refuse(visit, 200, -32602, "params.notifications must be a filter", call.message.raw_id());
    co_return;
  }
  // How tasks stand is not told here yet: clients see in the acknowledgement that they must ask.
  const bool tasks = !members_of(call.message.param().find("notifications")).find("taskIds").empty();
  if (tasks && !declares_tasks(call.client.capabilities)) {
    const std::string needed =
        R"({"requiredCapabilities":{"extensions":{")" + std::string(kTasksExtension) + "\":{}}}}";
    co_await refuse(visit, 400, kMissingCapability, "Missing required client capability",
                    call.message.raw_id(), needed);
    co_return;
  }
  const Plan& plan = *visit.plan;
  auto listener = std::make_shared<EventListener>();
  listener->raw_id = call.message.raw_id();
  listener->feed = std::make_shared<Feed>(kBounds);
  listener->caller = ClientLinks::key_of(call.client);
  if (visit.only != Plan::kAll) listener->only = plan.servers[visit.only]->name();
  Nursery starting;
  for (std::size_t i = 0; i < plan.servers.size(); ++i) {
    if (visit.only != Plan::kAll && visit.only != i) continue;
    if (plan.servers[i]->status()->state != ServerState::starting) continue;
    const TimePoint deadline = Shard::current().now() + plan.settings(i).timeout.startup;
    starting.start(meet(*plan.servers[i], deadline, call.cancel));
  }
  co_await starting.join();
  for (std::size_t i = 0; i < plan.servers.size(); ++i) {
    if (visit.only != Plan::kAll && visit.only != i) continue;
    const auto peer = plan.servers[i]->status()->peer;
    for (std::size_t k = 0; k < 3; ++k)
      if (filter.lists[k] && peer && peer->facts.has(kCapabilities[k]))
        listener->kinds |= std::size_t{1} << static_cast<unsigned>(kKinds[k]);
  }
  // Each server is asked beside the others; what does not agree in time is left out.
  Nursery asking;
  for (Wanted& wanted : filter.resources) {
    const TimePoint deadline = Shard::current().now() + plan.config.timeout.startup;
    asking.start(agree(call, wanted, deadline));
  }
  co_await asking.join();
  for (const Wanted& wanted : filter.resources)
    if (wanted.agreed) listener->uris.emplace(wanted.uri, plan.servers[wanted.server]->name());
  bool there = false;
  {
    const std::string first = for_listener("notifications/subscriptions/acknowledged",
                                           honoured(filter, listener->kinds), *listener);
    gateway_.events().add(listener);
    there = co_await visit.sink.event(first);
  }
  Feed::Reader reader(*listener->feed, 0);
  bool graceful = false;
  while (there) {
    const Feed::Reader::Came came = co_await reader.next(Shard::current().now() + kQuiet, call.cancel);
    if (came == Feed::Reader::Came::message)
      there = co_await visit.sink.event(reader.text());
    else if (came == Feed::Reader::Came::nothing)
      co_await visit.sink.idle();
    else
      there = false;
    graceful = came == Feed::Reader::Came::end;
  }
  gateway_.events().remove(*listener);
  for (const Wanted& wanted : filter.resources)
    if (wanted.watched) plan.servers[wanted.server]->unwatch(wanted.original);
  // A stream that just ends says that something went wrong.
  if (!graceful) {
    visit.sink.cut();
    co_return;
  }
  std::string result = R"({"resultType":"complete","_meta":{")";
  result.append(kMetaSubscription).append("\":").append(listener->raw_id).append("}}");
  const std::string text = write_result(listener->raw_id, result);
  co_await visit.sink.finish(200, text);
}

void Serving::record_listen(const Visit& visit, const Message& message, const MethodRow& row,
                            TimePoint begun) {
  RequestRecord record;
  TraceTexts trace;
  record.span = trace.open(visit.head, message, random_);
  record.random = &random_;
  record.method = row.name;
  record.client = visit.client;
  record.session = visit.client_view.session;
  record.client_revision = visit.client_view.revision;
  record.duration = Shard::current().now() - begun;
  observer_.finished(record);
}

Task<void> Serving::serve_listen(Visit& visit, const Message& message, const MethodRow& row,
                                 CancelScope& scope) {
  const TimePoint begun = Shard::current().now();
  ClientCall call(message, row, *visit.plan, scope);
  call.only = visit.only;
  call.client = visit.client_view;
  call.client.identity = visit.client;
  call.keep = visit.plan;
  call.tasks = &gateway_.tasks();
  co_await listen(visit, call);
  record_listen(visit, message, row, begun);
}

}  // namespace weir
