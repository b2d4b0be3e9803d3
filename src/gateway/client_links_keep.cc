// The sessions of clients' own, opened and kept open: what a lost one was told is told again, and where
// something is to be heard in one it is opened without waiting for a call.
#include <algorithm>

#include "gateway/client_links.h"
#include "mcp/client_requests.h"
#include "mcp/log_level.h"

namespace weir {
namespace {

constexpr Duration kReopen = std::chrono::seconds(1);
constexpr Duration kReopenMax = std::chrono::seconds(30);
constexpr Duration kOwnTime = std::chrono::seconds(10);  // for a request of Weir's own
constexpr Duration kLevelTime = std::chrono::seconds(5);
constexpr Duration kListenTime = std::chrono::seconds(1);
constexpr Duration kGather = std::chrono::milliseconds(20);
constexpr int kLanes = 8;  // sessions that are opened at a time

std::string one_member(std::string_view name, const std::string& value) {
  std::string out = "{\"";
  out.append(name).append("\":");
  json_append_string(out, value);
  return out + '}';
}

}  // namespace

// Whether the server says something in it that nobody may miss: a stream of its own comes with each session
// over HTTP; elsewhere a process or a connection is worth it only for what was subscribed to.
bool ClientLinks::hears(const std::string& key) const {
  if (is_session(key) && !options_.make_own) return true;
  return options_.wants(key);
}

// A caller of the new revision is asked in one of its calls; what it is told beside them its listeners hear,
// from the server's watch where the connection is shared.
StrayMessage ClientLinks::stray_of(ClientLink& link) const {
  return [this, &link](Message message, std::shared_ptr<ServerLink> asker) {
    if (!link.of_session && message.is_request())
      return link.questions.ask(std::move(message), std::move(asker));
    if (link.of_session || link.own) options_.stray(link.key, std::move(message), std::move(asker));
  };
}

Task<void> ClientLinks::open(std::shared_ptr<ClientLink> link) {
  const TimePoint deadline = options_.home->now() + options_.open_time;
  if (options_.make_own && !link->own) {
    TransportHooks hooks;
    hooks.lost = [this, weak = std::weak_ptr(link)] {
      // Not at once: a process that ends at its start must not be started without a pause.
      if (const auto gone = weak.lock(); gone && hears(gone->key))
        gone->fibers.start(keep_open(gone, kReopen));
    };
    hooks.stray = stray_of(*link);
    link->own = options_.make_own(std::move(hooks));
  }
  // Not a conditional expression: the compiler destroys awaited temporaries in both arms.
  std::optional<Result<std::shared_ptr<const Peer>>> opened;
  if (link->own)
    opened.emplace(co_await link->own->greet(link->as, deadline, closing_));
  else
    opened.emplace(co_await options_.shared().open(link->as, deadline, closing_));
  if (*opened) {
    link->reopen.came_up(options_.home->now());
    co_await restore(link, **opened);
    co_await begin_listening(link, **opened);
    {
      std::lock_guard lock(lock_);
      link->peer = **opened;
    }
    // The client may have said another since it was restored.
    const std::string level = link->of_session ? options_.level(link->key) : std::string();
    if (!level.empty() && log_rank(level) != (**opened)->log_rank) tell_level(link->key, level);
  } else if (opened->error().sent() != Error::Sent::no) {
    // Of the calls that wait for it nothing was sent.
    Error error = opened->error();
    if (error.kind() == Error::Kind::outcome_unknown)
      error = Error(Error::Kind::unreachable, error.side(), Error::Sent::no, error.detail());
    error.set_sent(Error::Sent::no);
    opened = fail(std::move(error));
  }
  link->opening = false;
  std::vector<Wish*> rest;
  for (Wish* wish : std::exchange(wishes_, {})) {
    if (wish->link != link.get()) {
      rest.push_back(wish);
      continue;
    }
    wish->outcome = *opened;
    wish->waiter.wake();
  }
  wishes_.insert(wishes_.end(), rest.begin(), rest.end());
}

// What the lost session was told.
Task<void> ClientLinks::restore(std::shared_ptr<ClientLink> link, std::shared_ptr<const Peer> peer) {
  Transport& transport = link->own ? *link->own : options_.shared();
  link->uris.clear();
  for (const std::string& uri : options_.wanted(link->key)) {
    if (closing_.cancelled() || link->stop.cancelled() || peer->lost) co_return;
    const std::string params = one_member("uri", uri);
    const TimePoint deadline = options_.home->now() + kOwnTime;
    const Result<Message> answer =
        co_await own_request(transport, peer, "resources/subscribe", params, deadline, closing_);
    if (answer) link->uris.insert(uri);  // else it offers that no more
  }
  const std::string level = link->of_session ? options_.level(link->key) : std::string();
  if (level.empty() || !peer->facts.has("logging")) co_return;
  peer->log_rank = log_rank(level);
  const std::string params = one_member("level", level);
  const TimePoint deadline = options_.home->now() + kOwnTime;
  const Result<Message> answer =
      co_await own_request(transport, peer, "logging/setLevel", params, deadline, closing_);
  (void)answer.has_value();  // clients get what they asked for, whatever the server sends
}

// Servers drop what they ask while nobody listens: the stream is there before the first call, though one that
// does not begin is not waited for long.
Task<void> ClientLinks::begin_listening(std::shared_ptr<ClientLink> link, std::shared_ptr<const Peer> peer) {
  const bool asked = declares_input(link->as.capabilities);
  if (link->own || (!link->of_session && !asked)) co_return;
  // The session before may be lost without its stream having ended.
  if (link->listening) link->listening->cancel();
  link->listening = std::make_shared<CancelScope>();
  auto begun = std::make_shared<Waiter>();
  link->fibers.start(listen(link, peer, begun, link->listening));
  if (asked) co_await begun->wait(options_.home->now() + kListenTime, &closing_);
}

Task<void> ClientLinks::listen(std::shared_ptr<ClientLink> link, std::shared_ptr<const Peer> peer,
                               std::shared_ptr<Waiter> begun, std::shared_ptr<CancelScope> scope) {
  const ScopeLink with_link(link->stop, *scope);
  const StrayMessage stray = stray_of(*link);
  const std::function<void()> tell = [begun] { begun->wake(); };
  co_await options_.shared().listen(peer, stray, tell, *scope);
  begun->wake();  // it is not offered
  // A session that the server has forgotten is opened again, or what it was subscribed to would be missed.
  if (peer->lost && !scope->cancelled())
    co_await keep_open(link, link->reopen.lost(options_.home->now(), options_.home->chance().unit()));
}

// Until it is open, or nobody needs that any more.
Task<void> ClientLinks::keep_open(std::shared_ptr<ClientLink> link, Duration pause) {
  if (std::exchange(link->kept, true)) co_return;
  while (!link->stop.cancelled() && !closing_.cancelled()) {
    if (pause != Duration::zero()) co_await Sleep(options_.home->now() + pause, &link->stop);
    std::shared_ptr<const Peer> now;
    if (link->stop.cancelled() || closing_.cancelled() || !hears(link->key) || find(link->key, now)) break;
    if (!link->opening) {
      link->opening = true;
      co_await open(link);
    }
    pause = std::clamp<Duration>(pause * 2, kReopen, kReopenMax);
    if (find(link->key, now)) break;
  }
  link->kept = false;
}

// The link of this client, made if there is none; null: the client has gone, or there is no room.
std::shared_ptr<ClientLink> ClientLinks::enter_for(const std::string& key) {
  const std::optional<Introduced> introduced = options_.introduce(key);
  if (!introduced) return nullptr;
  std::lock_guard lock(lock_);
  if (const auto found = links_.find(key); found != links_.end()) return found->second;
  if (!make_room(is_session(key), introduced->identity, false)) return nullptr;
  auto link = std::make_shared<ClientLink>();
  link->key = key;
  link->number = ++made_;
  link->of_session = is_session(key);
  link->identity = introduced->identity;
  link->as = introduced->as;
  link->used = options_.home->now().time_since_epoch().count();
  links_.emplace(key, link);
  return link;
}

void ClientLinks::tend(std::vector<std::string> keys) {
  if (closing_.cancelled() || keys.empty()) return;
  auto shared = std::make_shared<std::deque<std::string>>(keys.begin(), keys.end());
  for (int i = 0; i < kLanes && !shared->empty(); ++i) fibers_.start(tend_some(shared));
}

Task<void> ClientLinks::tend_some(std::shared_ptr<std::deque<std::string>> keys) {
  while (!keys->empty() && !closing_.cancelled()) {
    const std::string key = std::move(keys->front());
    keys->pop_front();
    std::shared_ptr<const Peer> peer;
    if (const std::shared_ptr<ClientLink> there = find(key, peer)) {
      if (!std::exchange(there->trimming, true)) there->fibers.start(trim(there));
      continue;
    }
    const std::shared_ptr<ClientLink> link = hears(key) ? enter_for(key) : nullptr;
    if (!link) continue;
    LinkLease lease(link);
    if (!link->opening) {
      link->opening = true;
      co_await open(link);
    }
    if (!find(key, peer)) link->fibers.start(keep_open(link, kReopen));
    // Its client may have gone while it was opened.
    if (is_session(key) && !options_.introduce(key)) end(key);
  }
}

// What nobody wants any more: whoever listened has left. Once for what is given up one after the other.
Task<void> ClientLinks::trim(std::shared_ptr<ClientLink> link) {
  co_await Sleep(options_.home->now() + kGather, &link->stop);
  link->trimming = false;
  std::shared_ptr<const Peer> peer;
  if (find(link->key, peer) != link) co_return;
  LinkLease lease(link);
  const std::set<std::string> wanted = options_.wanted(link->key);
  std::vector<std::string> too_much;
  for (const std::string& uri : link->uris)
    if (!wanted.contains(uri)) too_much.push_back(uri);
  for (const std::string& uri : too_much) {
    if (closing_.cancelled() || link->stop.cancelled() || peer->lost) co_return;
    if (link->uris.erase(uri) == 0) continue;
    const std::string params = one_member("uri", uri);
    Transport& transport = link->own ? *link->own : options_.shared();
    const TimePoint deadline = options_.home->now() + kOwnTime;
    const Result<Message> answer =
        co_await own_request(transport, peer, "resources/unsubscribe", params, deadline, closing_);
    (void)answer.has_value();  // at worst it tells what nobody asks for
  }
}

void ClientLinks::tell_level(const std::string& key, std::string level) {
  std::shared_ptr<const Peer> peer;
  const std::shared_ptr<ClientLink> link = find(key, peer);
  if (!link || !peer->facts.has("logging")) return;
  link->level = std::move(level);
  if (!std::exchange(link->telling_level, true)) link->fibers.start(tell_levels(link));
}

Task<void> ClientLinks::tell_levels(std::shared_ptr<ClientLink> link) {
  LinkLease lease(link);
  while (link->level && !link->stop.cancelled() && !closing_.cancelled()) {
    const std::string level = *std::exchange(link->level, std::nullopt);
    std::shared_ptr<const Peer> peer;
    if (find(link->key, peer) != link) break;  // one that is opened anew is told the newest
    peer->log_rank = log_rank(level);
    const std::string params = one_member("level", level);
    const TimePoint deadline = options_.home->now() + kLevelTime;
    Transport& transport = link->own ? *link->own : options_.shared();
    const Result<Message> answer =
        co_await own_request(transport, peer, "logging/setLevel", params, deadline, closing_);
    (void)answer.has_value();  // a server that does not take it logs as it will
  }
  link->level.reset();
  link->telling_level = false;
}

}  // namespace weir
