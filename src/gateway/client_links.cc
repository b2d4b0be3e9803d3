#include "gateway/client_links.h"

#include <algorithm>

#include "mcp/client_requests.h"
#include "runtime/hop.h"

namespace weir {
namespace {

constexpr Duration kReopen = std::chrono::seconds(1);
constexpr Duration kOwnTime = std::chrono::seconds(10);  // for a request of Weir's own
constexpr Duration kListenTime = std::chrono::seconds(1);

}  // namespace

/// A call that waits until its link is open, or can't be. Home shard.
struct ClientLinks::Wish {
  const ClientLink* link = nullptr;
  std::optional<Result<std::shared_ptr<const Peer>>> outcome;
  Waiter waiter;
};

ClientLinks::ClientLinks(Options options) : options_(std::move(options)) {}
ClientLinks::~ClientLinks() = default;

std::string ClientLinks::key_of(const ClientView& client) {
  if (!client.session.empty()) return std::string(client.session);
  std::string key(client.identity);
  key += '\n';
  key += client.capabilities;
  return key;
}

std::shared_ptr<ClientLink> ClientLinks::find(const std::string& key,
                                              std::shared_ptr<const Peer>& peer) const {
  std::lock_guard lock(lock_);
  const auto found = links_.find(key);
  if (found == links_.end() || !found->second->peer || found->second->peer->lost) return nullptr;
  peer = found->second->peer;
  return found->second;
}

std::size_t ClientLinks::size() const {
  std::lock_guard lock(lock_);
  return links_.size();
}

// The client's link, made if there is none; null when too many are in use. It is leased while it can still be
// found: once it is taken out of the table, nobody new may come to use it, or it would be ended under a call.
std::unique_ptr<LinkLease> ClientLinks::enter(const Call& call, std::shared_ptr<const Peer>& peer) {
  const std::string key = key_of(call.client);
  std::shared_ptr<ClientLink> oldest;
  std::unique_ptr<LinkLease> lease;
  {
    std::lock_guard lock(lock_);
    if (const auto found = links_.find(key); found != links_.end()) {
      if (const auto& known = found->second->peer; known && !known->lost) peer = known;
      return std::make_unique<LinkLease>(found->second);
    }
    if (links_.size() >= options_.count_max) {
      for (const auto& [name, one] : links_)
        if (one->in_use == 0 && (!oldest || one->used < oldest->used)) oldest = one;
      if (!oldest) return nullptr;
      links_.erase(oldest->key);
    }
    auto link = std::make_shared<ClientLink>();
    link->key = key;
    link->of_session = !call.client.session.empty();
    link->as.capabilities = call.client.capabilities.empty() ? "{}" : std::string(call.client.capabilities);
    link->as.client_info = call.client.client_info;
    if (!is_new(call.client.revision)) link->as.revision = call.client.revision;
    links_.emplace(key, link);
    lease = std::make_unique<LinkLease>(std::move(link));
  }
  if (oldest) options_.home->post([this, oldest] { fibers_.start(finish(oldest)); });
  return lease;
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
    hooks.lost = [] {};
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
    co_await restore(link, **opened);
    co_await begin_listening(link, **opened);
    std::lock_guard lock(lock_);
    link->peer = **opened;
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

// What the lost session was subscribed to.
Task<void> ClientLinks::restore(std::shared_ptr<ClientLink> link, std::shared_ptr<const Peer> peer) {
  const std::set<std::string> uris = link->uris;
  for (const std::string& uri : uris) {
    std::string params = "{\"uri\":";
    json_append_string(params, uri);
    params += '}';
    Transport& transport = link->own ? *link->own : options_.shared();
    const TimePoint deadline = options_.home->now() + kOwnTime;
    const Result<Message> answer =
        co_await own_request(transport, peer, "resources/subscribe", params, deadline, closing_);
    if (!answer) link->uris.erase(uri);  // it offers that no more
  }
}

// Servers drop what they ask while nobody listens: the stream is there before the first call, though one that
// does not begin is not waited for long.
Task<void> ClientLinks::begin_listening(std::shared_ptr<ClientLink> link, std::shared_ptr<const Peer> peer) {
  const bool asked = declares_input(link->as.capabilities);
  if (link->own || (!link->of_session && !asked)) co_return;
  auto begun = std::make_shared<Waiter>();
  link->fibers.start(listen(link, peer, begun));
  if (asked) co_await begun->wait(options_.home->now() + kListenTime, &closing_);
}

Task<void> ClientLinks::listen(std::shared_ptr<ClientLink> link, std::shared_ptr<const Peer> peer,
                               std::shared_ptr<Waiter> begun) {
  const StrayMessage stray = stray_of(*link);
  const std::function<void()> tell = [begun] { begun->wake(); };
  co_await options_.shared().listen(peer, stray, tell, link->stop);
  begun->wake();  // it is not offered
  // A session that the server has forgotten is opened again, or what it was subscribed to would be missed.
  while (peer->lost && !link->stop.cancelled() && !closing_.cancelled()) {
    std::shared_ptr<const Peer> now;
    if (link->opening || find(link->key, now)) co_return;
    link->opening = true;
    co_await open(link);
    if (find(link->key, now)) co_return;
    co_await Sleep(options_.home->now() + kReopen, &link->stop);
  }
}

void ClientLinks::end(const std::string& key) {
  std::shared_ptr<ClientLink> link;
  {
    std::lock_guard lock(lock_);
    const auto found = links_.find(key);
    if (found == links_.end()) return;
    link = std::move(found->second);
    links_.erase(found);
  }
  options_.home->post([this, link = std::move(link)] { fibers_.start(finish(link)); });
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
      if (link->in_use == 0 && link->used < oldest && (!link->of_session || link->own)) idle.push_back(key);
  }
  for (const std::string& key : idle) end(key);
}

Task<void> ClientLinks::close() {
  closing_.cancel();
  std::unordered_map<std::string, std::shared_ptr<ClientLink>> all;
  {
    std::lock_guard lock(lock_);
    all.swap(links_);
  }
  for (const auto& [key, link] : all) fibers_.start(finish(link));
  all.clear();
  co_await fibers_.join();
}

Task<Result<Message>> own_request(Transport& transport, std::shared_ptr<const Peer> peer,
                                  std::string_view method, std::string_view params, TimePoint deadline,
                                  CancelScope& cancel) {
  std::string text = R"({"jsonrpc":"2.0","id":0,"method":")";
  text.append(method).append("\",\"params\":").append(params).append("}");
  const auto message = Message::index(Bytes::copy_of(text), JsonLimits(), Message::From::upstream);
  WEIR_CHECK(message);
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
