#include "gateway/events.h"

#include <algorithm>

#include "gateway/client_tasks.h"
#include "gateway/task_calls.h"
#include "gateway/upstream.h"
#include "mcp/client_requests.h"
#include "mcp/log_level.h"
#include "mcp/splice.h"
#include "mcp/task_ids.h"
#include "transport/server_requests.h"

namespace weir {
namespace {

constexpr Duration kGather = std::chrono::milliseconds(20);  // for one announcement of several changes
constexpr Duration kInputTime = std::chrono::minutes(10);

std::string_view announcement(ListKind kind) noexcept {
  switch (kind) {
    case ListKind::tools:
      return "notifications/tools/list_changed";
    case ListKind::prompts:
      return "notifications/prompts/list_changed";
    default:
      return "notifications/resources/list_changed";
  }
}

// The kind whose list has changed; none for other notifications.
ListKind announced(std::string_view method) noexcept {
  for (const ListKind kind : {ListKind::tools, ListKind::prompts, ListKind::resources})
    if (method == announcement(kind)) return kind;
  return ListKind::none;
}

// True if a session at this path sees that server.
bool sees(const std::string& path, const std::string& server) {
  return path == "/mcp" || path == "/sse" || path == "stdio" || path == "/mcp/" + server;
}

}  // namespace

void Events::from_server(const Upstream& server, const std::string& key, Message message,
                         std::shared_ptr<ServerLink> asker) {
  if (!key.empty()) {
    const std::shared_ptr<Session> session = options_.sessions->peek(key);
    if (session)
      in_session(server, *session, std::move(message), std::move(asker));
    else if (asker)
      asker->send(refusal(message));
    else
      for_caller(server, key, message);
    return;
  }
  const std::string_view method = message.method();
  if (const ListKind kind = announced(method); kind != ListKind::none) {
    list_changed(server.name(), kind, true);
    if (kind == ListKind::resources) list_changed(server.name(), ListKind::templates, true);
  } else if (method == "notifications/resources/updated") {
    updated(server, {}, message);
  } else if (method == "notifications/tasks") {
    std::string task;
    if (!message.param_text("taskId", task)) return;
    Topic topic;
    topic.server = server.name();
    topic.kind = Topic::Kind::task;
    topic.original = std::move(task);
    options_.interests->tell(topic, message);
  } else if (method == "notifications/tasks/status") {
    task_told(server, message);
  }
}

// How a task stands, told in the session that all share: for its owner alone.
void Events::task_told(const Upstream& server, const Message& message) {
  const std::string original = task_of(message);
  for (const auto& [owner, id] : options_.tasks->owners(server.name(), original)) {
    const std::shared_ptr<Session> session = options_.sessions->peek(Tasks::session_of(owner));
    if (!session) continue;
    std::string text = with_task_ids(std::string(message.text()), original, id);
    session->feed().append(std::make_shared<const std::string>(std::move(text)));
  }
}

// In a client's own session: for this client alone.
void Events::in_session(const Upstream& server, Session& session, Message message,
                        std::shared_ptr<ServerLink> asker) {
  const TaskNames names = task_names(*options_.tasks, session, server.name(), message);
  if (message.is_request()) {
    ClientAsk ask;
    const Admitted admitted = admit_request(session, server.name(), message, ask);
    if (!admitted.about_tasks) ask.task = names;
    ask.asker = asker;
    ask.raw_id = message.raw_id();
    ask.raw_token = message.meta().find("progressToken");
    ask.home = &Shard::current();
    ask.expires = Shard::current().now() + std::max(kInputTime, admitted.patience_min);
    const TaskNames told = ask.task;
    const std::string id = admitted.refusal.empty() ? session.ask(std::move(ask)) : std::string();
    if (id.empty())
      asker->send(admitted.refusal.empty() ? refusal(message) : admitted.refusal);
    else
      session.feed().append(std::make_shared<const std::string>(
          with_task_ids(question(message, admitted, id), told.server, told.client)));
    return;
  }
  const std::string_view method = message.method();
  if (method == "notifications/resources/updated") return updated(server, session.id, message);
  if (method == "notifications/message") {
    std::string level;
    const std::string least = session.log_level();
    if (!message.param_text("level", level)) return;
    // Who has said no level leaves it to the server.
    if (least.empty() ? !is_log_level(level) : !log_level_reaches(level, least)) return;
  } else if (method == "notifications/cancelled") {
    return withdraw(server.name(), session, message.param().find("requestId"));
  } else if (method == "notifications/progress") {
    return;  // of calls; it comes too late or for nobody
  } else if (names.foreign) {
    return;
  }
  std::string text = with_task_ids(std::string(message.text()), names.server, names.client);
  session.feed().append(std::make_shared<const std::string>(std::move(text)));
}

// The server takes a question back.
void Events::withdraw(const std::string& server, Session& session, std::string_view question) {
  std::string id;
  std::shared_ptr<ClientAsk> ask = session.take_ask_of(server, question, id);
  if (!ask) return;
  session.feed().append(std::make_shared<const std::string>(
      R"({"jsonrpc":"2.0","method":"notifications/cancelled","params":{"requestId":)" + id + "}}"));
  // Moved, not shared: what it holds ends on its home shard.
  Shard& home = *ask->home;
  home.post([ask = std::move(ask)] {
    if (ask->ended) ask->ended();
  });
}

// In a session that Weir holds for a caller of the new revision: for what that caller listens with.
void Events::for_caller(const Upstream& server, const std::string& key, const Message& message) {
  if (message.method() == "notifications/resources/updated") return updated(server, key, message);
  const ListKind kind = announced(message.method());
  if (kind == ListKind::none) return;
  std::lock_guard lock(lock_);
  for (const auto& listener : listeners_) {
    if (listener->caller != key || (!listener->only.empty() && listener->only != server.name())) continue;
    if (listener->wants(kind))
      listener->feed->append(
          std::make_shared<const std::string>(for_listener(message.method(), {}, listener->raw_id)));
  }
}

// For those who asked for it in this session with the server (empty: in the one that all share).
void Events::updated(const Upstream& server, const std::string& link, const Message& message) {
  Topic topic;
  topic.server = server.name();
  topic.link = link;
  if (message.param_text("uri", topic.original)) options_.interests->tell(topic, message);
}

void Events::list_changed(const std::string& server, ListKind kind, bool ask) {
  options_.control->post([this, change = Change{server, kind, ask}] {
    if (stop_.cancelled()) return;
    changes_.insert(change);
    if (std::exchange(publishing_, true)) return;
    fibers_.start(publish());
  });
}

void Events::all_lists_changed(const Upstream& server) {
  const std::shared_ptr<const Plan> plan = options_.plan();
  const std::size_t place = plan->find(server.name());
  const std::shared_ptr<const Peer> peer = server.status()->peer;
  const auto catalogue = plan->catalogue->load();
  for (std::size_t k = 0; k < kListKinds; ++k) {
    const auto kind = static_cast<ListKind>(k);
    const bool has = (peer && peer->facts.has(list_capability(kind))) ||
                     (place != Plan::kAll && catalogue->count(kind, place) > 0);
    if (has) list_changed(server.name(), kind);
  }
}

// The control shard: what changed within a moment is told once. A server that has to be asked first holds up
// what it has said itself and nothing else.
Task<void> Events::publish() {
  while (!changes_.empty() && !stop_.cancelled()) {
    co_await Sleep(Shard::current().now() + kGather, &stop_);
    std::map<std::string, std::set<Change>> by_server;
    for (const Change& change : std::exchange(changes_, {})) by_server[change.server].insert(change);
    std::set<Change> known;
    for (auto& [server, changes] : by_server) {
      if (std::none_of(changes.begin(), changes.end(), [](const Change& one) { return one.ask; })) {
        known.merge(changes);
        continue;
      }
      const bool busy = learning_.contains(server);
      learning_[server].merge(changes);
      if (!busy) fibers_.start(learn(server));
    }
    tell(known);
  }
  publishing_ = false;
}

// Asks one server for what it says has changed, then tells of that.
Task<void> Events::learn(std::string server) {
  while (!learning_[server].empty() && !stop_.cancelled()) {
    const std::set<Change> changes = std::exchange(learning_[server], {});
    for (const Change& change : changes)
      if (change.ask) co_await options_.learn(server, change.kind);
    tell(changes);
  }
  learning_.erase(server);
}

void Events::tell(const std::set<Change>& changes) {
  std::array<std::map<std::string, bool>, kListKinds> servers;
  for (const Change& change : changes) {
    const ListKind told = change.kind == ListKind::templates ? ListKind::resources : change.kind;
    bool& said_so = servers[static_cast<std::size_t>(told)].try_emplace(change.server, true).first->second;
    said_so = said_so && change.ask;
  }
  for (const ListKind kind : {ListKind::tools, ListKind::resources, ListKind::prompts})
    if (const auto& of = servers[static_cast<std::size_t>(kind)]; !of.empty()) tell(kind, of);
}

// `servers`: by name, whether they said so themselves. Then a client with a session of its own with one hears
// it there; what Weir has noticed it hears of here.
void Events::tell(ListKind kind, const std::map<std::string, bool>& servers) {
  const FeedText text = bare_notification(announcement(kind));
  const std::shared_ptr<const Plan> plan = options_.plan();
  options_.sessions->for_each([&](const std::shared_ptr<Session>& session) {
    for (const auto& [name, said_so] : servers) {
      if (!sees(session->path, name)) continue;
      const std::size_t place = said_so ? plan->find(name) : Plan::kAll;
      if (place != Plan::kAll && plan->servers[place]->has_session_of(session->id)) continue;
      session->feed().append(text);
      break;
    }
  });
  std::lock_guard lock(lock_);
  for (const auto& listener : listeners_) {
    if (!listener->wants(kind)) continue;
    if (!listener->only.empty() && servers.find(listener->only) == servers.end()) continue;
    listener->feed->append(
        std::make_shared<const std::string>(for_listener(announcement(kind), {}, listener->raw_id)));
  }
}

void Events::add(std::shared_ptr<EventListener> listener) {
  std::lock_guard lock(lock_);
  if (ended_) listener->feed->end();  // it was still asking the servers when the gateway began to close
  listeners_.push_back(std::move(listener));
}

void Events::remove(const EventListener& listener) {
  std::lock_guard lock(lock_);
  std::erase_if(listeners_, [&](const auto& one) { return one.get() == &listener; });
}

std::size_t Events::listening() const {
  std::lock_guard lock(lock_);
  return listeners_.size();
}

void Events::end() {
  std::lock_guard lock(lock_);
  ended_ = true;
  for (const auto& listener : listeners_) listener->feed->end();
}

Task<void> Events::close() {
  stop_.cancel();
  co_await fibers_.join();
}

}  // namespace weir
