#include "gateway/interests.h"

#include <utility>

namespace weir {
namespace {

// The most that it takes in a message, however it is escaped.
std::size_t written_size(const std::string& name) {
  std::size_t out = 3;  // quotes and a comma
  for (const char c : name) {
    const auto byte = static_cast<unsigned char>(c);
    if (byte >= 0x80)
      out += 3;  // two of them may come as \uXXXX
    else
      out += byte < 0x20 || byte == 0x7f ? 6 : byte == '"' || byte == '\\' ? 2 : 1;
  }
  return out;
}

}  // namespace

void Interests::unload(Loads& loads, const std::string& server, const std::string& of, const Topic& topic) {
  const auto found = loads.find({server, of});
  found->second.bytes -= written_size(topic.original);
  if (--found->second.count == 0) loads.erase(found);
}

bool Interests::has_room(const Topic& topic, const Hearer& hearer) const {
  const std::size_t written = written_size(topic.original);
  const auto fits = [&](const Loads& loads, const std::string& of, std::size_t more, std::size_t part) {
    const auto found = loads.find({topic.server, of});
    const Load none;
    const Load& load = found == loads.end() ? none : found->second;
    return load.count < kPerServerMax / part &&
           load.bytes + written + (load.count == 0 ? more : 0) <= kPerServerBytesMax / part;
  };
  const auto there = topics_.find(topic);
  const bool own_share = topic.link.empty() && !hearer.identity.empty() &&
                         (there == topics_.end() || !there->second.identities.contains(hearer.identity));
  // Shares bind once half is taken: whoever is alone may well be a proxy with many clients behind it.
  if (own_share && !fits(loads_, topic.link, 0, 2) && !fits(shares_, hearer.identity, 0, kShares))
    return false;
  if (there != topics_.end()) return true;
  const bool introduced = !topic.link.empty() && hearer.introduced;
  const Introduction* const as = introduced ? &hearer.introduced->as : nullptr;
  const std::size_t more = as == nullptr ? 0 : as->client_info.size() + as->capabilities.size();
  return topics_.size() < kTopicsMax && fits(loads_, topic.link, topic.link.size() + more, 1);
}

// Counted once for each session: what is wanted in it, and as whom it is opened.
void Interests::load(const Topic& topic, const Hearer& hearer) {
  Load& load = loads_[{topic.server, topic.link}];
  if (load.count++ == 0 && !topic.link.empty()) {
    load.bytes += topic.link.size();
    load.introduced = hearer.introduced;
    if (load.introduced)
      load.bytes += load.introduced->as.client_info.size() + load.introduced->as.capabilities.size();
  }
  load.bytes += written_size(topic.original);
}

// Once for each client that wants it, however many of its sessions do.
void Interests::charge(const Topic& topic, Wanted& wanted, const std::string& identity) {
  if (!topic.link.empty() || identity.empty() || wanted.identities[identity]++ != 0) return;
  Load& share = shares_[{topic.server, identity}];
  ++share.count;
  share.bytes += written_size(topic.original);
}

void Interests::discharge(const Topic& topic, Wanted& wanted, const std::string& identity) {
  const auto found = wanted.identities.find(identity);
  if (found == wanted.identities.end() || --found->second != 0) return;
  wanted.identities.erase(found);
  unload(shares_, topic.server, identity, topic);
}

void Interests::report(const Changes& changes) const {
  for (const auto& [server, link] : changes) changed_(server, link, Change::wanted);
}

void Interests::set_servers(std::set<std::string> names) {
  std::lock_guard lock(lock_);
  servers_ = std::move(names);
  for (auto it = topics_.begin(); it != topics_.end();) {
    if (servers_.contains(it->first.server)) {
      ++it;
      continue;
    }
    for (const auto& [who, entry] : it->second.entries) {
      const auto held = by_hearer_.find(who.first);
      held->second.erase({it->first.kind, who.second});
      if (held->second.empty()) by_hearer_.erase(held);
      discharge(it->first, it->second, entry.identity);
    }
    unload(loads_, it->first.server, it->first.link, it->first);
    it = topics_.erase(it);
  }
}

bool Interests::add(const Hearer& hearer, const std::string& known, const Topic& topic) {
  bool first = false;
  {
    std::lock_guard lock(lock_);
    if (known.size() > kNameMax || !servers_.contains(topic.server)) return false;
    if (!has_room(topic, hearer)) return false;
    auto& held = by_hearer_[hearer.id];
    const bool taken = held.size() < kMax && held.try_emplace({topic.kind, known}, topic).second;
    if (held.empty()) by_hearer_.erase(hearer.id);
    if (!taken) return false;
    Wanted& wanted = topics_[topic];
    first = wanted.entries.empty();
    if (first) load(topic, hearer);
    charge(topic, wanted, hearer.identity);
    Entry entry;
    entry.raw_id = hearer.raw_id;
    entry.identity = hearer.identity;
    entry.feed = hearer.feed;
    wanted.entries.emplace(std::pair(hearer.id, known), std::move(entry));
  }
  if (first && topic.link.empty()) changed_(topic.server, topic.link, Change::wanted);
  return true;
}

void Interests::agreed(const std::string& hearer, Topic::Kind kind, const std::string& known) {
  Topic topic;
  {
    std::lock_guard lock(lock_);
    const auto held = by_hearer_.find(hearer);
    if (held == by_hearer_.end()) return;
    const auto found = held->second.find({kind, known});
    if (found == held->second.end()) return;
    topic = found->second;
    Entry& entry = topics_[topic].entries[{hearer, known}];
    entry.agreed = true;
    if (entry.early) entry.feed->append(std::exchange(entry.early, nullptr));
  }
  // The server that agreed may have been replaced meanwhile.
  if (!topic.link.empty()) changed_(topic.server, topic.link, Change::agreed);
}

void Interests::drop(const std::string& hearer, const Name& name, const Topic& topic, Changes& changes) {
  const auto found = topics_.find(topic);
  const auto entry = found->second.entries.find({hearer, name.second});
  discharge(topic, found->second, entry->second.identity);
  found->second.entries.erase(entry);
  if (!found->second.entries.empty()) return;
  unload(loads_, topic.server, topic.link, topic);
  topics_.erase(found);
  changes.emplace(topic.server, topic.link);
}

std::optional<Topic> Interests::remove(const std::string& hearer, Topic::Kind kind,
                                       const std::string& known) {
  Changes changes;
  Topic topic;
  {
    std::lock_guard lock(lock_);
    const auto held = by_hearer_.find(hearer);
    if (held == by_hearer_.end()) return std::nullopt;
    const auto found = held->second.find({kind, known});
    if (found == held->second.end()) return std::nullopt;
    topic = found->second;
    drop(hearer, found->first, topic, changes);
    held->second.erase(found);
    if (held->second.empty()) by_hearer_.erase(held);
  }
  report(changes);
  return topic;
}

std::optional<Topic> Interests::find(const std::string& hearer, Topic::Kind kind,
                                     const std::string& known) const {
  std::lock_guard lock(lock_);
  const auto held = by_hearer_.find(hearer);
  if (held == by_hearer_.end()) return std::nullopt;
  const auto found = held->second.find({kind, known});
  return found == held->second.end() ? std::nullopt : std::optional(found->second);
}

void Interests::forget(const std::string& hearer) {
  Changes changes;
  {
    std::lock_guard lock(lock_);
    const auto held = by_hearer_.find(hearer);
    if (held == by_hearer_.end()) return;
    for (const auto& [name, topic] : held->second) drop(hearer, name, topic, changes);
    by_hearer_.erase(held);
  }
  report(changes);
}

void Interests::share(const std::string& server) {
  bool moved = false;
  {
    std::lock_guard lock(lock_);
    Topic from;
    from.server = server;
    for (auto it = topics_.lower_bound(from); it != topics_.end() && it->first.server == server;) {
      if (it->first.link.empty()) {
        ++it;
        continue;
      }
      Topic to = it->first;
      to.link.clear();
      // Together they may be too many: then no more is taken in until some have gone.
      if (!topics_.contains(to)) load(to, {});
      Wanted& shared = topics_[to];
      for (const auto& [who, entry] : it->second.entries) {
        by_hearer_[who.first][{to.kind, who.second}] = to;
        charge(to, shared, entry.identity);
      }
      shared.entries.merge(it->second.entries);
      unload(loads_, server, it->first.link, it->first);
      it = topics_.erase(it);
      moved = true;
    }
  }
  if (moved) changed_(server, {}, Change::wanted);
}

}  // namespace weir
