// What is a client's alone, at whichever endpoint it is, and what is wanted of all.
#include "balance/picker.h"
#include "gateway/upstream_state.h"

namespace weir {

namespace {

constexpr Duration kAffinityTime = std::chrono::minutes(20);

}  // namespace

// Where the client's session is; null: nowhere yet.
std::shared_ptr<Endpoint> Upstream::endpoint_of(const std::string& key) {
  const auto set = set_.load();
  if (set->only != nullptr) return set->only->shared_from_this();
  const std::uint32_t number = affinity_.find(key, Shard::current().now());
  Endpoint* found = number == 0 ? nullptr : set->find(number);
  return found == nullptr ? nullptr : found->shared_from_this();
}

// True if the client's session is to be at this endpoint. One that has none yet gets one by its key, so that
// all endpoints say the same.
bool Upstream::belongs(const Endpoint& endpoint, const std::string& key) {
  const auto set = set_.load();
  if (set->only != nullptr) return set->only == &endpoint;
  const TimePoint now = Shard::current().now();
  const std::uint32_t before = affinity_.find(key, now);
  const Endpoint* own = before == 0 ? nullptr : set->find(before);
  if (own != nullptr && set->keeps[set->place_of(*own)]) return own == &endpoint;
  const Endpoint* best = nullptr;
  std::uint64_t most = 0;
  for (std::size_t i = 0; i < set->members.size(); ++i) {
    if (!set->roster.eligible[i]) continue;
    const Endpoint& one = *set->members[i].endpoint;
    const std::uint64_t score = hash_bytes(key, hash_bytes(one.address()));
    if (best != nullptr && score < most) continue;
    best = &one;
    most = score;
  }
  if (best == nullptr) return own == &endpoint;
  return affinity_.settle(key, before, best->number(), now) == endpoint.number();
}

bool Upstream::serves_alone(const Call& call) {
  const EndpointSet& set = set_now();
  if (set.only != nullptr) return set.only->serves_alone(call);
  for (const SetMember& member : set.members)
    if (!member.draining && member.endpoint->known_peer()) return member.endpoint->serves_alone(call);
  return false;
}

bool Upstream::has_session_of(const std::string& key) const {
  const auto now = set_.load();  // held: the set may be replaced meanwhile
  for (const SetMember& member : now->members)
    if (member.endpoint->has_session_of(key)) return true;
  return false;
}

void Upstream::note_subscription(const std::string& key, const std::string& uri, bool on) {
  if (const std::shared_ptr<Endpoint> endpoint = endpoint_of(key)) endpoint->note_subscription(key, uri, on);
}

// Each endpoint tells of what happens there. One that agrees is enough: who comes later is asked, too.
Task<bool> Upstream::watch(Topic::Kind kind, std::string what, TimePoint deadline, CancelScope& cancel) {
  const auto set = set_.load();
  if (set->only != nullptr) co_return co_await set->only->watch(kind, what, deadline, cancel);
  struct One {
    static Task<void> ask(Endpoint& endpoint, Topic::Kind kind, std::string what, TimePoint deadline,
                          CancelScope& cancel, bool& agreed) {
      const bool yes = co_await endpoint.watch(kind, std::move(what), deadline, cancel);
      agreed = agreed || yes;
    }
  };
  const Result<std::shared_ptr<const Peer>> known = co_await ready(deadline, cancel);
  if (!known) co_return retired();
  bool agreed = false;
  const auto now = set_.load();
  Nursery asking;
  for (const SetMember& member : now->members) {
    const auto status = member.endpoint->status();
    const bool usable = !member.draining && status->peer && status->health != Health::unhealthy;
    const bool has = kind != Topic::Kind::task || !options_.task_endpoint ||
                     options_.task_endpoint(name(), what) == member.endpoint->number();
    if (usable && has) asking.start(One::ask(*member.endpoint, kind, what, deadline, cancel, agreed));
  }
  co_await asking.join();
  co_return agreed || retired();
}

void Upstream::wishes_changed(const std::string& link, Interests::Change change) {
  const auto now = set_.load();  // held: the set may be replaced meanwhile
  for (const SetMember& member : now->members)
    if (!member.draining) member.endpoint->wishes_changed(link, change);
}

void Upstream::set_level(const std::string& key, const std::string& level) {
  if (const std::shared_ptr<Endpoint> endpoint = endpoint_of(key)) endpoint->set_level(key, level);
}

void Upstream::notify(const std::string& key, const std::string& message) {
  const auto set = set_.load();
  if (set->only != nullptr) return set->only->notify(key, message);
  // Where it has a session of its own; a shared one's servers ask again whoever calls.
  if (const std::shared_ptr<Endpoint> endpoint = endpoint_of(key); endpoint && endpoint->has_session_of(key))
    return endpoint->notify(key, message);
  for (const SetMember& member : set->members)
    if (!member.draining) member.endpoint->notify(key, message);
}

void Upstream::end_client(const std::string& key) {
  affinity_.forget(key);
  const auto now = set_.load();  // held: the set may be replaced meanwhile
  for (const SetMember& member : now->members) member.endpoint->end_client(key);
}

void Upstream::sweep() {
  const auto set = set_.load();
  for (const SetMember& member : set->members) member.endpoint->sweep();
  affinity_.sweep(Shard::current().now() - kAffinityTime,
                  [&set](const std::string& key, std::uint32_t number) {
                    const Endpoint* endpoint = set->find(number);
                    return endpoint != nullptr && endpoint->has_session_of(key);
                  });
}

void Upstream::succeed(const Upstream& before) {
  std::vector<std::string> keys;
  const auto former = before.set_.load();
  for (const SetMember& member : former->members)
    for (std::string& key : member.endpoint->sessions()) keys.push_back(std::move(key));
  std::lock_guard lock(lock_);
  std::vector<std::shared_ptr<Endpoint>> own;
  const auto now = set_.load();  // held: the set may be replaced meanwhile
  for (const SetMember& member : now->members) own.push_back(member.endpoint);
  if (own.empty())
    inherited_ = std::move(keys);
  else
    give_sessions(std::move(keys), own);
}

// Deals old sessions out to endpoints that have not been started yet.
void Upstream::give_sessions(std::vector<std::string> keys, std::span<const std::shared_ptr<Endpoint>> to) {
  std::vector<std::vector<std::string>> parts(to.size());
  std::size_t next = 0;
  for (std::string& key : keys) {
    const std::size_t place = next++ % parts.size();
    affinity_.settle(key, 0, to[place]->number(), Shard::current().now());
    parts[place].push_back(std::move(key));
  }
  for (std::size_t i = 0; i < parts.size(); ++i) to[i]->inherit(std::move(parts[i]));
}

}  // namespace weir
