// Which session with an old server a call goes in, and what is told to sessions beside calls.
#include <algorithm>

#include "gateway/endpoint.h"
#include "mcp/log_level.h"
#include "runtime/hop.h"
#include "transport/server_requests.h"

namespace weir {
namespace {

constexpr Duration kOwnTime = std::chrono::seconds(5);  // for a request of Weir's own, a new session too
constexpr std::size_t kChildrenMax = 32;                // of one server, for clients of their own

}  // namespace

ClientLinks::Options Endpoint::link_options() {
  ClientLinks::Options options;
  options.home = &home_;
  options.shared = [this]() -> Transport& { return transport(home_); };
  // With others to go to, a session that does not open is not waited for as long as a server's start.
  const bool brief = !options_.alone && config_.type != ServerConfig::Type::stdio;
  options.open_time = brief ? std::min(kOwnTime, options_.startup_time) : options_.startup_time;
  options.introduce = [this](const std::string& key) {
    return ClientLinks::is_session(key) ? options_.introduce(key)
                                        : options_.interests->introduced(name(), key);
  };
  options.level = options_.level;
  options.wanted = [this](const std::string& key) {
    return options_.interests->wanted(name(), key, Topic::Kind::resource);
  };
  options.wants = [this](const std::string& key) { return options_.interests->wants(name(), key); };
  options.keep = [this] { return keep_all(); };
  options.stray = [this](const std::string& key, Message message, std::shared_ptr<ServerLink> asker) {
    stray(key, std::move(message), std::move(asker));
  };
  if (options_.homed) {
    if (config_.type == ServerConfig::Type::stdio) options.count_max = kChildrenMax;
    options.make_own = [this](TransportHooks hooks) { return factory_(home_, std::move(hooks)); };
  }
  return options;
}

Watch::Options Endpoint::watch_options() {
  Watch::Options options;
  options.transport = [this]() -> Transport& { return transport(home_); };
  options.stray = [this](Message message, std::shared_ptr<ServerLink> asker) {
    stray({}, std::move(message), std::move(asker));
  };
  options.lost = [this] { nudge_.wake(); };
  // A task is told of where it runs.
  options.wanted = [this](Topic::Kind kind) {
    auto wanted = options_.interests->wanted(name(), {}, kind);
    if (kind == Topic::Kind::task && options_.has_task)
      std::erase_if(wanted, [this](const std::string& task) { return !options_.has_task(*this, task); });
    return wanted;
  };
  options.wanted_by = [this](Topic::Kind kind, const Interests::Rank& rank) {
    auto wanted = options_.interests->wanted_by(name(), kind, rank);
    if (kind == Topic::Kind::task && options_.has_task)
      std::erase_if(wanted, [this](const auto& task) { return !options_.has_task(*this, task.first); });
    return wanted;
  };
  return options;
}

bool Endpoint::owns(const std::string& key) const { return !options_.owns || options_.owns(*this, key); }

// Whether clients have sessions of their own with it at all.
bool Endpoint::may_link(const Peer& peer) const {
  if (is_new(peer.facts.revision) || config_.session == ServerConfig::Session::shared) return false;
  if (config_.type == ServerConfig::Type::http) return !peer.session.empty();
  if (config_.type == ServerConfig::Type::sse) return true;
  return config_.session == ServerConfig::Session::per_client || asks_.load(std::memory_order_relaxed);
}

// The server is there, perhaps again, perhaps another one: it is asked for all that is wanted of it.
void Endpoint::resume_listening(std::shared_ptr<const Peer> peer) {
  if (retired()) return;
  const bool links = may_link(*peer);
  if (links)
    begin_sessions();
  else
    has_sessions_ = false;
  if (!links) options_.interests->share(name());
  watch_.begin(std::move(peer));
  if (!links) return;
  std::vector<std::string> keys = std::exchange(inherited_, {});
  const std::set<std::string> known(keys.begin(), keys.end());
  for (const std::string& key : options_.interests->links(name()))
    if (!known.contains(key) && owns(key)) keys.push_back(key);
  links_.tend(std::move(keys));
}

bool Endpoint::wants_link(const Call& call, const Peer& peer) {
  if (is_new(peer.facts.revision) || config_.session == ServerConfig::Session::shared) return false;
  if (call.client.session.empty() && call.client.identity.empty()) return false;  // Weir's own
  if (call.in_shared) return false;
  // What is listed must not vary by earlier requests, for those who have no session.
  if (is_new(call.client.revision) && call.row.route == Route::list) return false;
  if (config_.type == ServerConfig::Type::http) return !peer.session.empty();
  if (config_.type == ServerConfig::Type::sse) return true;
  // No child is started for a list: one that is there answers as well.
  std::shared_ptr<const Peer> own;
  if (call.row.route == Route::list && !links_.find(ClientLinks::key_of(call.client), own)) return false;
  if (config_.session == ServerConfig::Session::per_client) return true;
  if (!asks_.load(std::memory_order_relaxed)) return false;
  std::lock_guard lock(asked_lock_);
  // It asked when nobody could be asked: who is asked during calls only may share it, whoever comes first.
  if (asked_first_.empty() && is_new(call.client.revision))
    asked_first_ = ClientLinks::client_of(call.client);
  return asked_first_ != ClientLinks::client_of(call.client);
}

// Who picks an endpoint keeps clients where they are from now on.
void Endpoint::begin_sessions() {
  if (has_sessions_.exchange(true)) return;
  home_.post([this, keep = keep_all()] {
    if (options_.on_sessions) options_.on_sessions();
  });
}

// A shared child has asked this call's client: from now on only that client shares it.
void Endpoint::asked(const Call& call) {
  if (asks_.load(std::memory_order_relaxed)) return;
  std::lock_guard lock(asked_lock_);
  if (asks_.exchange(true)) return;
  begin_sessions();
  asked_first_ = ClientLinks::client_of(call.client);
}

bool Endpoint::serves_alone(const Call& call) {
  const std::shared_ptr<const Peer> peer = known_peer();
  return peer && wants_link(call, *peer);
}

bool Endpoint::has_session_of(const std::string& key) const {
  std::shared_ptr<const Peer> peer;
  return links_.find(key, peer) != nullptr;
}

// In a session of its own a client's level is the session's and was told there; in a shared one the least
// wins, and who wants less is not told the rest.
bool Endpoint::wants_level(const Call& call, const ClientLink* link) const {
  if (call.client.log_level.empty() || is_new(call.peer->facts.revision)) return false;
  if (call.row.route == Route::set_level || !call.peer->facts.has("logging")) return false;
  if (link != nullptr && link->of_session) return false;
  const int wanted = log_rank(call.client.log_level);
  const int now = call.peer->log_rank.load(std::memory_order_relaxed);
  return wanted >= 0 && (now < 0 || wanted < now);
}

Task<void> Endpoint::tell_level(Call& call, ClientLink* link) {
  call.peer->log_rank = log_rank(call.client.log_level);
  std::string text = R"({"jsonrpc":"2.0","id":0,"method":"logging/setLevel","params":{"level":")";
  text.append(call.client.log_level).append("\"}}");
  const auto message = Message::index(Bytes::copy_of(text), JsonLimits(), Message::From::upstream);
  if (!message) co_return;
  Call own(*message, *find_method("logging/setLevel"), call.cancel);
  own.client.revision = kNewestOld;
  own.peer = call.peer;
  own.deadline = std::min(call.deadline, Shard::current().now() + kOwnTime);
  Result<Reply> reply = co_await forward(own, link);
  while (reply && !reply->first.last) {
    Result<ReplyEvent> next = co_await reply->rest->next(kForever);
    if (!next) co_return;
    reply->first = std::move(*next);
  }
}

void Endpoint::note_subscription(const std::string& key, const std::string& uri, bool on) {
  home_.post([this, keep = keep_all(), key, uri, on] {
    std::shared_ptr<const Peer> peer;
    const std::shared_ptr<ClientLink> link = links_.find(key, peer);
    if (!link) return;
    if (on)
      link->uris.insert(uri);
    else
      link->uris.erase(uri);
  });
}

Task<bool> Endpoint::watch(Topic::Kind kind, std::string what, TimePoint deadline, CancelScope& cancel) {
  const Result<std::shared_ptr<const Peer>> peer = co_await ready(deadline, cancel);
  // Whoever took its place asks its own server.
  if (retired()) co_return true;
  if (!peer) co_return false;
  std::function<Task<bool>(CancelScope&)> work = [this, kind, &what, deadline](CancelScope& scope) {
    return watch_.settle(kind, what, deadline, scope);
  };
  const bool agreed = co_await on_shard<bool>(home_, cancel, std::move(work));
  co_return agreed || retired();
}

// The caller's plan may be the last to know this server: it stays until the mail has been read.
void Endpoint::wishes_changed(const std::string& link, Interests::Change change) {
  home_.post([this, keep = keep_all(), link, change] {
    const auto peer = status_.load()->peer;
    if (!peer || retired()) return;
    if (link.empty())
      watch_.renew();
    else if (!may_link(*peer))
      options_.interests->share(name());
    else if (owns(link) && (change == Interests::Change::wanted || !has_session_of(link)))
      links_.tend({link});
  });
}

void Endpoint::take_over(const std::string& key) {
  home_.post([this, keep = keep_all(), key] {
    const auto peer = status_.load()->peer;
    if (retired()) return;
    if (!peer)
      inherited_.push_back(key);
    else if (may_link(*peer))
      links_.tend({key});
  });
}

void Endpoint::retire() {
  retired_ = true;
  home_.post([this, keep = keep_all()] {
    watch_.leave();
    links_.retire();
    health_.leave();
  });
}

void Endpoint::set_level(const std::string& key, const std::string& level) {
  home_.post([this, keep = keep_all(), key, level] { links_.tell_level(key, level); });
}

void Endpoint::notify(const std::string& key, const std::string& message) {
  home_.post([this, keep = keep_all(), key, message] {
    std::shared_ptr<const Peer> peer;
    const std::shared_ptr<ClientLink> link = links_.find(key, peer);
    if (link) return (link->own ? *link->own : transport(home_)).notify(*peer, message);
    // A shared session's server asks again whoever calls.
    const auto status = status_.load();
    if (options_.homed && status->peer && !is_new(status->peer->facts.revision))
      transport(home_).notify(*status->peer, message);
  });
}

void Endpoint::sweep() {
  home_.post([this, keep = keep_all()] { links_.sweep(home_.now()); });
}

// What comes outside of calls. A request in the shared session is nobody's: Weir answers for itself.
void Endpoint::stray(const std::string& key, Message message, std::shared_ptr<ServerLink> asker) {
  if (key.empty() && message.is_request()) {
    if (message.method() != "roots/list") {
      asks_.store(true);
      begin_sessions();
    }
    asker->send(own_answer(message));
    return;
  }
  // What has taken its place tells of itself.
  const std::string_view method = message.method();
  if (retired() && (method.ends_with("/list_changed") || method == "notifications/resources/updated")) return;
  if (options_.on_event) options_.on_event(key, std::move(message), std::move(asker));
}

}  // namespace weir
