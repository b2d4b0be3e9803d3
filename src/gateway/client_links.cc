#include "gateway/client_links.h"

#include <algorithm>
#include <map>
#include <utility>

#include "runtime/hop.h"
#include "transport/outgoing_call.h"

namespace weir {

ClientLinks::ClientLinks(Options options) : options_(std::move(options)) {}
ClientLinks::~ClientLinks() = default;

std::string ClientLinks::client_of(const ClientView& client) { return caller_of(client); }

std::string ClientLinks::key_of(const ClientView& client) {
  if (!client.link_key.empty()) return std::string(client.link_key);
  std::string key = client_of(client);
  // Neither can hold a NUL: they are JSON that has been read.
  if (client.session.empty()) key.append(1, '\0').append(stand_in(client.capabilities));
  return key;
}

Introduction ClientLinks::introduction_of(const ClientView& client) {
  Introduction as;
  as.client_info = client.client_info;
  as.capabilities = client.capabilities.empty() ? "{}" : std::string(client.capabilities);
  if (!is_new(client.revision)) as.revision = client.revision;
  return as;
}

std::shared_ptr<ClientLink> ClientLinks::find(const std::string& key,
                                              std::shared_ptr<const Peer>& peer) const {
  std::lock_guard lock(lock_);
  const auto found = links_.find(key);
  if (found == links_.end() || !found->second->peer || found->second->peer->lost) return nullptr;
  peer = found->second->peer;
  return found->second;
}

// Under the lock. Not in the order of their keys, which are made by chance.
std::vector<std::shared_ptr<ClientLink>> ClientLinks::in_order() const {
  std::vector<std::shared_ptr<ClientLink>> out;
  for (const auto& [key, link] : links_) out.push_back(link);
  std::sort(out.begin(), out.end(), [](const auto& a, const auto& b) { return a->number < b->number; });
  return out;
}

std::vector<std::string> ClientLinks::sessions() const {
  std::vector<std::string> out;
  std::lock_guard lock(lock_);
  for (const auto& link : in_order())
    if (link->of_session) out.push_back(link->key);
  return out;
}

std::size_t ClientLinks::size() const {
  std::lock_guard lock(lock_);
  return links_.size();
}

// The client's link, made if there is none; null when too many are in use. It is leased while it can still be
// found: once it is taken out of the table, nobody new may come to use it, or it would be ended under a call.
std::unique_ptr<LinkLease> ClientLinks::enter(const Call& call, std::shared_ptr<const Peer>& peer) {
  const std::string key = key_of(call.client);
  std::lock_guard lock(lock_);
  if (const auto found = links_.find(key); found != links_.end()) {
    if (const auto& known = found->second->peer; known && !known->lost) peer = known;
    return std::make_unique<LinkLease>(found->second);
  }
  if (!make_room(is_session(key), call.client.identity, true)) return nullptr;
  auto link = std::make_shared<ClientLink>();
  link->key = key;
  link->number = ++made_;
  link->identity = call.client.identity;
  link->of_session = is_session(key);
  link->as = introduction_of(call.client);
  links_.emplace(key, link);
  return std::make_unique<LinkLease>(std::move(link));
}

// Under the lock: the least used one is ended where there are too many. `called`: not only to hear something.
// False: there is none to end.
bool ClientLinks::make_room(bool for_session, std::string_view identity, bool called) {
  if (links_.size() < options_.count_max) return true;
  auto goes = spare(for_session, identity);
  if (goes == links_.end()) goes = over_share(identity, called);
  if (goes == links_.end()) return false;
  take_out(goes);
  return true;
}

// One that is not missed, rather one of the same client's. What an old session has is state that its client
// counts on: it goes for another session only, and not while something is to be heard in it.
ClientLinks::Links::iterator ClientLinks::spare(bool for_session, std::string_view identity) {
  auto oldest = links_.end();
  bool own = false;
  for (auto it = links_.begin(); it != links_.end(); ++it) {
    const ClientLink& link = *it->second;
    const bool same = !identity.empty() && link.identity == identity;
    const bool better =
        oldest == links_.end() || (same && !own) || (same == own && link.used < oldest->second->used);
    if (!better || link.in_use != 0 || (!for_session && link.of_session) || options_.wants(link.key))
      continue;
    oldest = it;
    own = same;
  }
  return oldest;
}

// Nobody keeps all others out: of whoever has most, and more than a share, one goes whatever is heard in it.
// Its client's next call opens it again, with what it is subscribed to.
ClientLinks::Links::iterator ClientLinks::over_share(std::string_view identity, bool own_too) {
  std::map<std::string_view, std::size_t> counts;
  for (const auto& [key, link] : links_) ++counts[link->identity];
  const std::size_t own = counts[identity];
  const std::size_t share = options_.count_max / kShares;
  const auto may_go = [&](const ClientLink& link) {
    const std::size_t count = counts[link.identity];
    const bool fair = link.identity == identity ? own_too : count > own + 1;
    return link.in_use == 0 && count > share && fair;
  };
  auto worst = links_.end();
  for (auto it = links_.begin(); it != links_.end(); ++it) {
    if (!may_go(*it->second)) continue;
    const bool none = worst == links_.end();
    const std::size_t most = none ? 0 : counts[worst->second->identity];
    const std::size_t count = counts[it->second->identity];
    if (none || count > most || (count == most && it->second->used < worst->second->used)) worst = it;
  }
  return worst;
}

// Under the lock: it is found no more, and finished at home; by close() if that comes first.
void ClientLinks::take_out(Links::iterator found) {
  ended_.push_back(std::move(found->second));
  links_.erase(found);
  options_.home->post([this, keep = options_.keep()] { finish_ended(); });
}

void ClientLinks::finish_ended() {
  std::vector<std::shared_ptr<ClientLink>> ended;
  {
    std::lock_guard lock(lock_);
    ended.swap(ended_);
  }
  for (auto& link : ended) fibers_.start(finish(std::move(link)));
}

Task<Result<std::unique_ptr<LinkLease>>> ClientLinks::get(const Call& call,
                                                          std::shared_ptr<const Peer>& peer) {
  std::shared_ptr<const Peer> known;
  std::unique_ptr<LinkLease> lease = enter(call, known);
  if (!lease)
    co_return fail(Error::Kind::overloaded, Error::Side::gateway, Error::Sent::no,
                   "too many clients have a session of their own with it");
  const std::shared_ptr<ClientLink> link = lease->link();
  link->used = Shard::current().now().time_since_epoch().count();
  if (known) {
    peer = std::move(known);
    co_return lease;
  }
  std::function<Task<Result<std::shared_ptr<const Peer>>>(CancelScope&)> work =
      [this, link, deadline = call.deadline](CancelScope& scope) { return settle(link, deadline, scope); };
  Result<std::shared_ptr<const Peer>> opened =
      co_await on_shard<Result<std::shared_ptr<const Peer>>>(*options_.home, call.cancel, std::move(work));
  if (!opened) co_return fail(opened.error());
  peer = std::move(*opened);
  co_return lease;
}

Task<Result<std::shared_ptr<const Peer>>> ClientLinks::settle(std::shared_ptr<ClientLink> link,
                                                              TimePoint deadline, CancelScope& cancel) {
  std::shared_ptr<const Peer> peer;
  if (find(link->key, peer)) co_return peer;
  if (closing_.cancelled())
    co_return fail(Error::Kind::shutting_down, Error::Side::gateway, Error::Sent::no, "it is stopped");
  Wish wish;
  wish.link = link.get();
  wishes_.push_back(&wish);
  if (!link->opening) {
    link->opening = true;
    fibers_.start(open(link));
  }
  const Wake wake = co_await wish.waiter.wait(deadline, &cancel);
  if (wish.outcome) co_return std::move(*wish.outcome);
  std::erase(wishes_, &wish);
  if (wake == Wake::cancelled)
    co_return fail(Error::Kind::cancelled, Error::Side::client, Error::Sent::no, "the call was cancelled");
  co_return fail(Error::Kind::deadline_exceeded, Error::Side::upstream, Error::Sent::no,
                 "it did not open a session in time");
}

void ClientLinks::give_up(const Error& error) {
  for (Wish* wish : std::exchange(wishes_, {})) {
    wish->outcome = fail(error);
    wish->waiter.wake();
  }
}

void ClientLinks::end(const std::string& key) {
  std::lock_guard lock(lock_);
  if (const auto found = links_.find(key); found != links_.end()) take_out(found);
}

void ClientLinks::retire() {
  std::lock_guard lock(lock_);
  for (const auto& link : in_order())
    if (link->in_use == 0) take_out(links_.find(link->key));
}

Task<void> ClientLinks::finish(std::shared_ptr<ClientLink> link) {
  const auto pause = [] { return Sleep(Shard::current().now() + std::chrono::milliseconds(10), nullptr); };
  while (link->opening || link->in_use != 0) co_await pause();
  link->stop.cancel();
  co_await link->fibers.join();
  std::shared_ptr<const Peer> peer;
  {
    std::lock_guard lock(lock_);
    peer = std::move(link->peer);
  }
  if (link->own) {
    co_await link->own->close();
    link->own.reset();
  } else if (peer && !peer->lost) {
    options_.shared().end(*peer);
  }
}

void ClientLinks::sweep(TimePoint now) {
  const TimePoint::rep oldest = (now - options_.idle_max).time_since_epoch().count();
  std::vector<std::string> idle;
  {
    std::lock_guard lock(lock_);
    for (const auto& [key, link] : links_)
      if (link->in_use == 0 && link->used < oldest && !hears(key)) idle.push_back(key);
  }
  for (const std::string& key : idle) end(key);
}

Task<void> ClientLinks::close() {
  closing_.cancel();
  {
    std::lock_guard lock(lock_);
    for (auto& link : in_order()) ended_.push_back(std::move(link));
    links_.clear();
  }
  finish_ended();
  co_await fibers_.join();
}

Task<Result<Message>> own_request(Transport& transport, std::shared_ptr<const Peer> peer,
                                  std::string_view method, std::string_view params, TimePoint deadline,
                                  CancelScope& cancel) {
  std::string text = R"({"jsonrpc":"2.0","id":0,"method":")";
  text.append(method).append("\",\"params\":").append(params).append("}");
  const auto message = Message::index(Bytes::copy_of(text), JsonLimits(), Message::From::upstream);
  if (!message)  // of what a client has said
    co_return fail(Error::Kind::upstream_protocol, Error::Side::client, Error::Sent::no,
                   std::string(method) + " would be no message: " + message.error().reason);
  Call call(*message, *find_method(method), cancel);
  call.deadline = deadline;
  call.peer = peer.get();
  call.client.revision = kNewestOld;
  Result<Reply> reply = co_await transport.call(call);
  if (!reply) co_return fail(reply.error());
  ReplyEvent event = std::move(reply->first);
  while (!event.last) {
    Result<ReplyEvent> next = co_await reply->rest->next(kForever);
    if (!next) co_return fail(next.error());
    event = std::move(*next);
  }
  if (event.message->kind() == Message::Kind::error)
    co_return fail(Error::Kind::upstream_protocol, Error::Side::upstream, Error::Sent::maybe,
                   std::string(event.message->error()));
  co_return std::move(*event.message);
}

}  // namespace weir
