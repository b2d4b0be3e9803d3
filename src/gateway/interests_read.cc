// What servers' watches and clients' own sessions read of the wishes, and how those who have them are told.
#include <utility>

#include "gateway/event_text.h"
#include "gateway/interests.h"

namespace weir {

std::set<std::string> Interests::wanted(const std::string& server, const std::string& link,
                                        Topic::Kind kind) const {
  std::set<std::string> out;
  Topic from;
  from.server = server;
  from.link = link;
  from.kind = kind;
  std::lock_guard lock(lock_);
  for (auto it = topics_.lower_bound(from); it != topics_.end(); ++it) {
    const Topic& topic = it->first;
    if (topic.server != server || topic.link != link || topic.kind != kind) break;
    bool stands = link.empty();
    for (const auto& [who, entry] : it->second.entries) stands = stands || entry.agreed;
    if (stands) out.insert(out.end(), topic.original);
  }
  return out;
}

bool Interests::wants(const std::string& server, const std::string& link) const {
  Topic from;
  from.server = server;
  from.link = link;
  std::lock_guard lock(lock_);
  for (auto it = topics_.lower_bound(from); it != topics_.end(); ++it) {
    const Topic& topic = it->first;
    if (topic.server != server || topic.link != link || topic.kind != from.kind) break;
    for (const auto& [who, entry] : it->second.entries)
      if (entry.agreed) return true;
  }
  return false;
}

std::map<std::string, std::string> Interests::wanted_by(const std::string& server, Topic::Kind kind,
                                                        const Rank& rank) const {
  std::map<std::string, std::string> out;
  Topic from;
  from.server = server;
  from.kind = kind;
  std::lock_guard lock(lock_);
  for (auto it = topics_.lower_bound(from); it != topics_.end(); ++it) {
    const Topic& topic = it->first;
    if (topic.server != server || !topic.link.empty() || topic.kind != kind) break;
    const std::string* best = nullptr;
    unsigned lowest = 0;
    for (const auto& [who, entry] : it->second.entries) {
      const unsigned one = rank(who.first);
      if (best != nullptr && one >= lowest) continue;
      best = &who.first;
      lowest = one;
      if (one == 0) break;
    }
    if (best != nullptr) out.emplace_hint(out.end(), topic.original, *best);
  }
  return out;
}

std::optional<Introduced> Interests::introduced(const std::string& server, const std::string& link) const {
  std::lock_guard lock(lock_);
  const auto found = loads_.find({server, link});
  if (found == loads_.end() || !found->second.introduced) return std::nullopt;
  return *found->second.introduced;
}

std::set<std::string> Interests::links(const std::string& server) const {
  std::set<std::string> out;
  Topic from;
  from.server = server;
  std::lock_guard lock(lock_);
  for (auto it = topics_.lower_bound(from); it != topics_.end() && it->first.server == server; ++it)
    if (!it->first.link.empty()) out.insert(it->first.link);
  return out;
}

bool Interests::has(const Topic& topic) const {
  std::lock_guard lock(lock_);
  return topics_.contains(topic);
}

std::size_t Interests::size() const {
  std::lock_guard lock(lock_);
  return topics_.size();
}

void Interests::tell(const Topic& topic, const Message& message) const {
  const auto put = [](const Entry& entry, FeedText text) {
    if (entry.agreed)
      entry.feed->append(std::move(text));
    else
      entry.early = std::move(text);
  };
  FeedText same;  // what the last session got: mostly all know a resource by one name
  std::string_view same_name;
  std::lock_guard lock(lock_);
  const auto found = topics_.find(topic);
  if (found == topics_.end()) return;
  for (const auto& [who, entry] : found->second.entries) {
    const std::string& known = who.second;
    if (entry.raw_id.empty()) {
      if (!same || same_name != known) same = std::make_shared<const std::string>(with_uri(message, known));
      same_name = known;
      put(entry, same);
    } else if (topic.kind == Topic::Kind::resource) {
      std::string params = "\"uri\":";
      json_append_string(params, known);
      put(entry, std::make_shared<const std::string>(for_listener(message.method(), params, entry.raw_id)));
    } else {
      put(entry, std::make_shared<const std::string>(task_for_listener(message, known, entry.raw_id)));
    }
  }
}

}  // namespace weir
