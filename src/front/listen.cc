// subscriptions/listen: what a client of the new revision wants to hear of, for as long as it listens.
// Source: MCP 2026-07-28 basic/patterns/subscriptions.
#include <algorithm>
#include <deque>
#include <mutex>
#include <unordered_map>

#include "front/serving.h"
#include "gateway/subscribe.h"
#include "gateway/task_calls.h"
#include "mcp/client_requests.h"
#include "mcp/fault_map.h"
#include "mcp/splice.h"
#include "mcp/task_ids.h"
#include "runtime/nursery.h"
#include "runtime/shard.h"

namespace weir {
namespace {

constexpr Duration kQuiet = std::chrono::seconds(15);
constexpr Feed::Bounds kBounds{256, 256 * 1024};
constexpr std::size_t kNamesMax = 10'000;
constexpr int kInternalError = -32603;

/// One thing that the client asked for: a resource or a task.
struct Wanted {
  Topic::Kind kind = Topic::Kind::resource;
  std::string name;  // the client's
  bool agreed = false;
  Upstream* server = nullptr;  // who has it
  Topic topic;
};

// How many names each client listens for by all its streams: each costs memory for as long as it is open.
class ClientNames {
 public:
  static constexpr std::size_t kMax = 20'000;
  // Its names for as long as it lives. False: there would be too many.
  class Share {
   public:
    Share() = default;
    Share(const Share&) = delete;
    Share& operator=(const Share&) = delete;
    ~Share() {
      if (count_ != 0) all().give_back(client_, count_);
    }
    bool take(std::string_view client, std::size_t count) {
      client_ = client;
      if (!all().take(client_, count)) return false;
      count_ = count;
      return true;
    }

   private:
    std::string client_;
    std::size_t count_ = 0;
  };

 private:
  static ClientNames& all() {
    static ClientNames one;
    return one;
  }
  bool take(const std::string& client, std::size_t count) {
    std::lock_guard lock(lock_);
    std::size_t& own = counts_[client];
    const bool fits = own + count <= kMax;
    if (fits) own += count;
    if (own == 0) counts_.erase(client);
    return fits;
  }
  void give_back(const std::string& client, std::size_t count) {
    std::lock_guard lock(lock_);
    const auto found = counts_.find(client);
    found->second -= count;
    if (found->second == 0) counts_.erase(found);
  }

  std::mutex lock_;
  std::unordered_map<std::string, std::size_t> counts_;  // its lock
};

// Thousands of names are begun with a few at a time, with fewer each where many streams begin: other calls of
// the shard have their turn in between.
class Pace {
 public:
  Pace() { ++g_beginning; }
  Pace(const Pace&) = delete;
  Pace& operator=(const Pace&) = delete;
  ~Pace() { --g_beginning; }
  // True after so many names that the others come first now.
  bool due() noexcept { return ++names_ % std::max(kTogether / g_beginning, 1U) == 0; }

 private:
  static constexpr unsigned kTogether = 64;
  static constinit thread_local unsigned g_beginning;
  unsigned names_ = 0;
};
constinit thread_local unsigned Pace::g_beginning = 0;

struct Filter {
  bool lists[3] = {};  // tools, prompts, resources
  std::vector<Wanted> wanted;
};
constexpr std::string_view kListFields[] = {"toolsListChanged", "promptsListChanged", "resourcesListChanged"};
constexpr std::string_view kCapabilities[] = {"tools", "prompts", "resources"};
constexpr ListKind kKinds[] = {ListKind::tools, ListKind::prompts, ListKind::resources};

bool read_names(std::string_view raw, Topic::Kind kind, Filter& filter) {
  if (raw.empty()) return true;
  JsonCursor cursor(raw, JsonLimits(), false);
  if (!cursor.enter_array()) return false;
  while (cursor.next_element()) {
    const std::string_view value = cursor.take_value();
    if (value.empty() || value.front() != '"' || filter.wanted.size() == kNamesMax) return false;
    std::string name = json_unescape(value);
    if (name.size() > Interests::kNameMax) return false;
    filter.wanted.emplace_back();
    filter.wanted.back().kind = kind;
    filter.wanted.back().name = std::move(name);
  }
  return true;
}

// False if the filter is malformed, or names too much.
bool read_filter(std::string_view raw, Filter& filter) {
  if (raw.empty() || raw.front() != '{') return false;
  const RawMembers members = members_of(raw);
  for (std::size_t i = 0; i < 3; ++i) {
    const std::string_view value = members.find(kListFields[i]);
    if (!value.empty() && value != "true" && value != "false") return false;
    filter.lists[i] = value == "true";
  }
  return read_names(members.find("resourceSubscriptions"), Topic::Kind::resource, filter) &&
         read_names(members.find("taskIds"), Topic::Kind::task, filter);
}

// What is asked for in the caller's own sessions, a few at a time: each takes a call of its own.
struct Lanes {
  static constexpr int kMax = 16;
  std::deque<Wanted*> due;
  int used = 0;
};

bool is_alone(const ClientCall& by, Upstream& upstream) {
  Call call(by.message, *find_method("resources/subscribe"), by.cancel);
  call.client = by.client;
  return upstream.hears_alone(call);
}

Task<bool> subscribe_alone(const ClientCall& by, Upstream& upstream, const Topic& topic, TimePoint deadline) {
  std::string text = R"({"jsonrpc":"2.0","id":0,"method":"resources/subscribe","params":{"uri":)";
  json_append_string(text, topic.original);
  text += "}}";
  const auto message = Message::index(Bytes::copy_of(text), JsonLimits(), Message::From::upstream);
  if (!message) co_return false;
  Call call(*message, *find_method("resources/subscribe"), by.cancel);
  call.client = by.client;
  call.deadline = deadline;
  // What comes before the answer is of no use to a subscription.
  Result<Reply> reply = co_await upstream.call(call);
  while (reply && !reply->first.last) {
    Result<ReplyEvent> next = co_await reply->rest->next(kForever);
    if (next)
      reply->first = std::move(*next);
    else
      reply = fail(next.error());
  }
  co_return reply && reply->first.message->kind() == Message::Kind::result;
}

// In this order: a session is told to end what it has and nobody wants.
void settle(const ClientCall& by, const Hearer& hearer, const Wanted& wanted) {
  Interests& interests = *by.plan.interests;
  if (wanted.agreed) interests.agreed(hearer.id, wanted.kind, wanted.name);
  if (wanted.agreed && !wanted.topic.link.empty())
    wanted.server->note_subscription(wanted.topic.link, wanted.topic.original, true);
  if (!wanted.agreed) interests.remove(hearer.id, wanted.kind, wanted.name);
}

Task<void> run_lane(const ClientCall& by, const Hearer& hearer, Lanes& lanes, TimePoint deadline) {
  ++lanes.used;
  while (!lanes.due.empty()) {
    Wanted& wanted = *lanes.due.front();
    lanes.due.pop_front();
    // Who has left is asked for no more.
    if (!by.cancel.cancelled())
      wanted.agreed = co_await subscribe_alone(by, *wanted.server, wanted.topic, deadline);
    settle(by, hearer, wanted);
  }
  --lanes.used;
}

// The server that has it is asked: in the caller's own session where it has one with a child or stream of its
// own, else in the one that all share. It is wanted before it is asked for, so that no update is missed.
Task<void> agree(const ClientCall& by, const Hearer& hearer, Wanted& wanted, Lanes& lanes,
                 TimePoint deadline) {
  Topic& topic = wanted.topic;
  topic.kind = wanted.kind;
  if (wanted.kind == Topic::Kind::resource) co_await know_resource(by.plan, by.only, wanted.name, by.cancel);
  const std::size_t server = wanted.kind == Topic::Kind::task
                                 ? task_owner(by, wanted.name, topic.original)
                                 : resource_owner(by.plan, by.only, wanted.name, topic.original);
  if (server == Plan::kAll) co_return;
  Upstream& upstream = *by.plan.servers[server];
  wanted.server = &upstream;
  topic.server = upstream.name();
  const bool alone = wanted.kind == Topic::Kind::resource && is_alone(by, upstream);
  if (alone) topic.link = by.client.link_key;
  if (!by.plan.interests->add(hearer, wanted.name, topic)) co_return;
  if (!alone) {
    wanted.agreed = co_await upstream.watch(wanted.kind, topic.original, deadline, by.cancel);
    settle(by, hearer, wanted);
    co_return;
  }
  lanes.due.push_back(&wanted);
  if (lanes.used < Lanes::kMax) co_await run_lane(by, hearer, lanes, deadline);
}

void append_names(std::string& out, std::string_view member, const Filter& filter, Topic::Kind kind) {
  std::string names;
  for (const Wanted& wanted : filter.wanted) {
    if (!wanted.agreed || wanted.kind != kind) continue;
    if (!names.empty()) names += ',';
    json_append_string(names, wanted.name);
  }
  if (!names.empty())
    out.append(out.empty() ? "\"" : ",\"").append(member).append("\":[").append(names).append("]");
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
  append_names(out, "resourceSubscriptions", filter, Topic::Kind::resource);
  append_names(out, "taskIds", filter, Topic::Kind::task);
  return "\"notifications\":{" + out + '}';
}

}  // namespace

// What is listened to, and the acknowledgement of it. False: the request has been refused. Apart from what
// follows, so that a stream that is open for days does not hold what only its beginning needs.
Task<bool> Serving::begin_listening(Visit& visit, ClientCall& call, const std::string& hearer_id,
                                    EventListener& listener, std::shared_ptr<void>& share,
                                    std::string& first) {
  Filter filter;
  if (!read_filter(call.message.param().find("notifications"), filter)) {
    co_await refuse(visit, 200, -32602,
                    "params.notifications must be a filter, of names of a sane number and length",
                    call.message.raw_id());
    co_return false;
  }
  const bool tasks = !members_of(call.message.param().find("notifications")).find("taskIds").empty();
  if (tasks && !declares_tasks(call.client.capabilities)) {
    const std::string needed =
        R"({"requiredCapabilities":{"extensions":{")" + std::string(kTasksExtension) + "\":{}}}}";
    co_await refuse(visit, 400, kMissingCapability, "Missing required client capability",
                    call.message.raw_id(), needed);
    co_return false;
  }
  auto names = std::make_shared<ClientNames::Share>();
  if (!names->take(call.client.identity, filter.wanted.size())) {
    co_await refuse(visit, 200, -32602,
                    "this client listens for " + std::to_string(ClientNames::kMax) + " names already",
                    call.message.raw_id());
    co_return false;
  }
  share = std::move(names);
  const Plan& plan = *visit.plan;
  listener.raw_id = call.message.raw_id();
  listener.feed = std::make_shared<Feed>(kBounds);
  listener.caller = ClientLinks::key_of(call.client);
  call.client.link_key = listener.caller;
  if (visit.only != Plan::kAll) listener.only = plan.servers[visit.only]->name();
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
    // One that is not there may offer anything when it comes, and Weir tells of its coming itself.
    for (std::size_t k = 0; k < 3; ++k)
      if (filter.lists[k] && (!peer || peer->facts.has(kCapabilities[k])))
        listener.kinds |= std::size_t{1} << static_cast<unsigned>(kKinds[k]);
  }
  // Each server is asked beside the others; what does not agree in time is left out.
  Hearer hearer;
  hearer.id = hearer_id;
  hearer.raw_id = listener.raw_id;
  hearer.feed = listener.feed;
  hearer.identity = call.client.identity;
  hearer.introduced = std::make_shared<const Introduced>(ClientLinks::introduction_of(call.client),
                                                         std::string(call.client.identity));
  Lanes lanes;
  Nursery asking;
  Pace pace;
  for (Wanted& wanted : filter.wanted) {
    if (pace.due()) co_await Sleep(Shard::current().now() + std::chrono::milliseconds(1), nullptr);
    if (call.cancel.cancelled()) break;
    const TimePoint deadline = Shard::current().now() + plan.config.timeout.startup;
    asking.start(agree(call, hearer, wanted, lanes, deadline));
  }
  co_await asking.join();
  first = for_listener("notifications/subscriptions/acknowledged", honoured(filter, listener.kinds),
                       listener.raw_id);
  co_return true;
}

Task<void> Serving::end_listening(Visit& visit, const EventListener& listener, Feed::Reader::Came came) {
  // A stream that just ends says that something went wrong.
  if (came != Feed::Reader::Came::end && visit.sink.cut()) co_return;
  if (came == Feed::Reader::Came::behind) {
    std::string lost;
    append_error(lost, listener.raw_id, kInternalError, "the client read too slowly: updates were lost");
    co_await visit.sink.finish(200, lost);
    co_return;
  }
  std::string result = R"({"resultType":"complete","_meta":{")";
  result.append(kMetaSubscription).append("\":").append(listener.raw_id).append("}}");
  const std::string text = write_result(listener.raw_id, result);
  co_await visit.sink.finish(200, text);
}

Task<void> Serving::listen(Visit& visit, ClientCall& call) {
  const std::string hearer = gateway_.interests().new_hearer();
  auto listener = std::make_shared<EventListener>();
  std::shared_ptr<void> share;
  bool there = false;
  {
    std::string first;
    const bool agreed = co_await begin_listening(visit, call, hearer, *listener, share, first);
    if (!agreed) co_return;
    // It may listen for days: the configuration it began under need not stay as long.
    visit.plan.reset();
    gateway_.events().add(listener);
    there = co_await visit.sink.event(first);
  }
  Feed::Reader reader(*listener->feed, 0);
  Feed::Reader::Came came = Feed::Reader::Came::nothing;
  while (there) {
    came = co_await reader.next(Shard::current().now() + kQuiet, call.cancel);
    if (!still_admits(visit)) break;
    if (came == Feed::Reader::Came::message)
      there = co_await visit.sink.event(reader.text());
    else if (came == Feed::Reader::Came::nothing)
      co_await visit.sink.idle();
    else
      there = false;
  }
  gateway_.events().remove(*listener);
  gateway_.interests().forget(hearer);
  co_await end_listening(visit, *listener, came);
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
  call.tasks = &gateway_.tasks();
  co_await listen(visit, call);
  record_listen(visit, message, row, begun);
}

}  // namespace weir
