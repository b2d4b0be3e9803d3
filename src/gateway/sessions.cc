#include "gateway/sessions.h"

#include <cstring>
#include <functional>
#include <vector>

#include "base/digest.h"

namespace weir {
namespace {

constexpr std::string_view kPurpose = "session";

std::uint32_t random_number() {
  const std::string bytes = secret_bytes(4);
  std::uint32_t number = 0;
  std::memcpy(&number, bytes.data(), 4);
  return number;
}

// What a client says of itself is kept: much of it counts as several sessions.
std::size_t weight_of(const Session& session) {
  constexpr std::size_t kUsual = 4096;
  return 1 + (session.client_info.size() + session.capabilities.size()) / kUsual;
}

}  // namespace

Sessions::Sessions(Options options)
    : options_(options), sealer_(secret_bytes(32), 1), gateway_(random_number()) {}

const Sessions::Stripe& Sessions::stripe(std::string_view id) const {
  return stripes_[std::hash<std::string_view>()(id) % stripes_.size()];
}

std::shared_ptr<Session> Sessions::open(std::shared_ptr<Session> draft, TimePoint now) {
  if (size() >= options_.count_max) return nullptr;
  {
    std::lock_guard lock(owners_lock_);
    std::size_t& own = owners_[draft->owner];
    if (own != 0 && own + weight_of(*draft) > options_.owner_max) return nullptr;
    own += weight_of(*draft);
  }
  Sealed content;
  content.gateway = gateway_;
  content.payload = secret_bytes(16);
  draft->id = sealer_.seal(kPurpose, draft->owner, content);
  draft->touch(now);
  Stripe& home = stripe(draft->id);
  std::lock_guard lock(home.lock);
  home.by_id.emplace(draft->id, draft);
  ++count_;
  return draft;
}

std::shared_ptr<Session> Sessions::find(std::string_view id, std::string_view owner, std::string_view path,
                                        TimePoint now) {
  std::shared_ptr<Session> session;
  {
    Stripe& home = stripe(id);
    std::lock_guard lock(home.lock);
    const auto found = home.by_id.find(std::string(id));
    if (found == home.by_id.end()) return nullptr;
    session = found->second;
  }
  if (session->owner != owner || session->path != path) return nullptr;
  session->touch(now);
  return session;
}

std::shared_ptr<Session> Sessions::peek(std::string_view id) const {
  const Stripe& home = stripe(id);
  std::lock_guard lock(home.lock);
  const auto found = home.by_id.find(std::string(id));
  return found == home.by_id.end() ? nullptr : found->second;
}

std::shared_ptr<Session> Sessions::close(std::string_view id, std::string_view owner, std::string_view path,
                                         TimePoint now) {
  std::shared_ptr<Session> session = find(id, owner, path, now);
  if (!session) return nullptr;
  {
    Stripe& home = stripe(id);
    std::lock_guard lock(home.lock);
    if (home.by_id.erase(std::string(id)) == 0) return nullptr;
    --count_;
  }
  leave(*session);
  session->end();
  return session;
}

void Sessions::leave(const Session& session) {
  std::lock_guard lock(owners_lock_);
  const auto found = owners_.find(session.owner);
  found->second -= weight_of(session);
  if (found->second == 0) owners_.erase(found);
}

void Sessions::for_each(const std::function<void(const std::shared_ptr<Session>&)>& each) const {
  std::vector<std::shared_ptr<Session>> all;
  for (const Stripe& one : stripes_) {
    std::lock_guard lock(one.lock);
    for (const auto& [id, session] : one.by_id) all.push_back(session);
  }
  for (const auto& session : all) each(session);
}

std::vector<std::shared_ptr<Session>> Sessions::sweep(TimePoint now) {
  const TimePoint::rep oldest = (now - options_.idle_max).time_since_epoch().count();
  std::vector<std::shared_ptr<Session>> idle;
  for (Stripe& one : stripes_) {
    std::lock_guard lock(one.lock);
    for (auto it = one.by_id.begin(); it != one.by_id.end();) {
      if (it->second->used_ < oldest) {
        idle.push_back(std::move(it->second));
        it = one.by_id.erase(it);
        --count_;
      } else {
        ++it;
      }
    }
  }
  for (const auto& session : idle) {
    leave(*session);
    session->end();
  }
  for_each([now](const std::shared_ptr<Session>& session) {
    for (auto& [id, ask] : session->take_expired(now)) {
      const std::string note =
          R"({"jsonrpc":"2.0","method":"notifications/cancelled","params":{"requestId":)" + id +
          R"(,"reason":"it took too long"}})";
      session->feed().append(std::make_shared<const std::string>(note));
      give_up_ask(std::move(ask));
    }
  });
  return idle;
}

}  // namespace weir
