#include "gateway/tasks.h"

#include <algorithm>

namespace weir {
namespace {

// Keys of several texts. Only the last may have a zero in it; a task's id is looked at again where it is not.
std::string key(std::string_view first, std::string_view second) {
  std::string out(first);
  out += '\0';
  out += second;
  return out;
}
std::string key(std::string_view first, std::string_view second, std::string_view third) {
  return key(key(first, second), third);
}

}  // namespace

std::string Tasks::owner_of(const ClientView& client) {
  const bool session = !client.session.empty();
  std::string out(session ? "s:" : "c:");
  return out.append(session ? client.session : client.identity);
}

std::string_view Tasks::session_of(std::string_view owner) noexcept {
  return owner.starts_with("s:") ? owner.substr(2) : std::string_view();
}

template <class Each>
void Tasks::of_owner(const std::string& owner, Each each) const {
  const std::string begin = key(owner, {});
  for (auto it = by_id_.lower_bound(begin); it != by_id_.end() && it->first.starts_with(begin);) {
    const auto entry = it->second;
    ++it;  // `each` may drop it
    each(entry);
  }
}

void Tasks::use(Entries::iterator entry, TimePoint now) {
  entry->expires = now + entry->life;
  entries_.splice(entries_.end(), entries_, entry);
}

void Tasks::drop(Entries::iterator entry) {
  by_id_.erase(key(entry->owner, entry->id));
  by_original_.erase(key(entry->at.server, entry->at.original, entry->owner));
  const auto count = counts_.find(entry->owner);
  if (--count->second == 0) counts_.erase(count);
  entries_.erase(entry);
}

std::string Tasks::add(const std::string& owner, const TaskPlace& at, std::optional<Duration> ttl,
                       TimePoint now) {
  const std::lock_guard lock(lock_);
  const Duration life = std::clamp(ttl.value_or(bounds_.life), bounds_.life_min, bounds_.life_max);
  const std::string original = key(at.server, at.original, owner);
  if (const auto known = by_original_.find(original); known != by_original_.end()) {
    known->second->life = life;
    known->second->at.shared = at.shared;
    known->second->at.endpoint = at.endpoint;
    use(known->second, now);
    return known->second->id;
  }
  if (const auto count = counts_.find(owner); count != counts_.end() && count->second >= bounds_.owner_max) {
    auto oldest = entries_.end();
    of_owner(owner, [&](Entries::iterator one) {
      if (oldest == entries_.end() || one->expires < oldest->expires) oldest = one;
    });
    drop(oldest);
  }
  if (entries_.size() >= bounds_.count_max) drop(entries_.begin());
  Entry entry;
  entry.owner = owner;
  entry.id = at.original;
  while (by_id_.contains(key(owner, entry.id))) entry.id = at.server + ':' + entry.id;
  entry.at = at;
  entry.life = life;
  entry.expires = now + life;
  entries_.push_back(std::move(entry));
  const auto added = std::prev(entries_.end());
  by_id_.emplace(key(owner, added->id), added);
  by_original_.emplace(original, added);
  ++counts_[owner];
  return added->id;
}

std::optional<TaskPlace> Tasks::find(const std::string& owner, std::string_view id, TimePoint now) {
  const std::lock_guard lock(lock_);
  const auto found = by_id_.find(key(owner, id));
  if (found == by_id_.end()) return std::nullopt;
  if (found->second->expires <= now) {
    drop(found->second);
    return std::nullopt;
  }
  use(found->second, now);
  TaskPlace out = found->second->at;
  out.left = found->second->life;
  return out;
}

std::string Tasks::known_as(const std::string& owner, const std::string& server,
                            const std::string& original) const {
  const std::lock_guard lock(lock_);
  const auto found = by_original_.find(key(server, original, owner));
  return found == by_original_.end() || found->second->at.original != original ? std::string()
                                                                               : found->second->id;
}

bool Tasks::takes(const std::string& owner, std::string_view id) const {
  const std::lock_guard lock(lock_);
  return by_id_.contains(key(owner, id));
}

std::vector<std::pair<std::string, std::string>> Tasks::owners(const std::string& server,
                                                               const std::string& original) const {
  std::vector<std::pair<std::string, std::string>> out;
  const std::string begin = key(server, original, {});
  const std::lock_guard lock(lock_);
  for (auto it = by_original_.lower_bound(begin); it != by_original_.end() && it->first.starts_with(begin);
       ++it)
    if (it->second->at.original == original) out.emplace_back(it->second->owner, it->second->id);
  return out;
}

std::uint32_t Tasks::endpoint_of(const std::string& server, const std::string& original) const {
  const std::string begin = key(server, original, {});
  const std::lock_guard lock(lock_);
  for (auto it = by_original_.lower_bound(begin); it != by_original_.end() && it->first.starts_with(begin);
       ++it)
    if (it->second->at.original == original) return it->second->at.endpoint;
  return 0;
}

std::set<std::tuple<std::string, std::uint32_t, bool>> Tasks::servers_of(const std::string& owner) const {
  std::set<std::tuple<std::string, std::uint32_t, bool>> out;
  const std::lock_guard lock(lock_);
  of_owner(owner,
           [&](Entries::iterator one) { out.emplace(one->at.server, one->at.endpoint, one->at.shared); });
  return out;
}

void Tasks::forget(const std::string& owner) {
  const std::lock_guard lock(lock_);
  of_owner(owner, [this](Entries::iterator one) { drop(one); });
}

void Tasks::sweep(TimePoint now) {
  const std::lock_guard lock(lock_);
  for (auto it = entries_.begin(); it != entries_.end();) {
    const auto one = it++;
    if (one->expires <= now) drop(one);
  }
}

std::size_t Tasks::size() const {
  const std::lock_guard lock(lock_);
  return entries_.size();
}

}  // namespace weir
