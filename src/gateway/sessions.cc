#include "gateway/sessions.h"

#include <cstring>
#include <functional>

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

}  // namespace

Sessions::Sessions(Options options)
    : options_(options), sealer_(secret_bytes(32), 1), gateway_(random_number()) {}

Sessions::Stripe& Sessions::stripe(std::string_view id) {
  return stripes_[std::hash<std::string_view>()(id) % stripes_.size()];
}

std::shared_ptr<Session> Sessions::open(std::shared_ptr<Session> draft, TimePoint now) {
  if (size() >= options_.count_max) sweep(now);
  if (size() >= options_.count_max) return nullptr;
  Sealed content;
  content.gateway = gateway_;
  content.payload = secret_bytes(16);
  draft->id = sealer_.seal(kPurpose, draft->owner, content);
  draft->used_ = now.time_since_epoch().count();
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
  session->used_.store(now.time_since_epoch().count(), std::memory_order_relaxed);
  return session;
}

bool Sessions::close(std::string_view id, std::string_view owner, std::string_view path, TimePoint now) {
  if (!find(id, owner, path, now)) return false;
  Stripe& home = stripe(id);
  std::lock_guard lock(home.lock);
  const bool gone = home.by_id.erase(std::string(id)) != 0;
  if (gone) --count_;
  return gone;
}

void Sessions::sweep(TimePoint now) {
  const TimePoint::rep oldest = (now - options_.idle_max).time_since_epoch().count();
  for (Stripe& one : stripes_) {
    std::lock_guard lock(one.lock);
    count_ -= std::erase_if(one.by_id, [&](const auto& entry) { return entry.second->used_ < oldest; });
  }
}

}  // namespace weir
