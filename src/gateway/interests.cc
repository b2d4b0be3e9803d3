#include "gateway/interests.h"

#include <utility>

#include "gateway/event_text.h"

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

void Interests::unload(const Topic& topic) {
  const auto load = loads_.find({topic.server, topic.link});
  load->second.bytes -= written_size(topic.original);
  if (--load->second.count == 0) loads_.erase(load);
}

void Interests::report(const Changes& changes) const {
  for (const auto& [server, link] : changes) changed_(server, link);
}

void Interests::set_servers(std::set<std::string> names) {
  std::lock_guard lock(lock_);
  servers_ = std::move(names);
  for (auto it = topics_.begin(); it != topics_.end();) {
    if (servers_.contains(it->first.server)) {
      ++it;
      continue;
    }
    for (const auto& [who, entry] : it->second) {
      const auto held = by_hearer_.find(who.first);
      held->second.erase({it->first.kind, who.second});
      if (held->second.empty()) by_hearer_.erase(held);
    }
    unload(it->first);
    it = topics_.erase(it);
  }
}

bool Interests::add(const Hearer& hearer, const std::string& known, const Topic& topic) {
  bool first = false;
  {
    std::lock_guard lock(lock_);
    if (known.size() > kNameMax || !servers_.contains(topic.server)) return false;
    const std::size_t written = written_size(topic.original);
    const bool fresh = !topics_.contains(topic);
    if (fresh) {
      const auto load = loads_.find({topic.server, topic.link});
      const bool much = load != loads_.end() && (load->second.count >= kPerServerMax ||
                                                 load->second.bytes + written > kPerServerBytesMax);
      if (topics_.size() >= kTopicsMax || much) return false;
    }
    auto& held = by_hearer_[hearer.id];
    const bool taken = held.size() < kMax && held.try_emplace({topic.kind, known}, topic).second;
    if (held.empty()) by_hearer_.erase(hearer.id);
    if (!taken) return false;
    Entries& entries = topics_[topic];
    first = entries.empty();
    if (fresh) {
      Load& load = loads_[{topic.server, topic.link}];
      ++load.count;
      load.bytes += written;
    }
    Entry entry;
    entry.raw_id = hearer.raw_id;
    entry.feed = hearer.feed;
    entries.emplace(std::pair(hearer.id, known), std::move(entry));
  }
  if (first && topic.link.empty()) changed_(topic.server, topic.link);
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
    Entry& entry = topics_[topic][{hearer, known}];
    entry.agreed = true;
    if (entry.early) entry.feed->append(std::exchange(entry.early, nullptr));
  }
  // The server that agreed may have been replaced meanwhile.
  if (!topic.link.empty()) changed_(topic.server, topic.link);
}

void Interests::drop(const std::string& hearer, const Name& name, const Topic& topic, Changes& changes) {
  const auto found = topics_.find(topic);
  found->second.erase({hearer, name.second});
  if (!found->second.empty()) return;
  unload(topic);
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
      for (const auto& [who, entry] : it->second) by_hearer_[who.first][{to.kind, who.second}] = to;
      // Together they may be too many: then no more is taken in until some have gone.
      if (!topics_.contains(to)) {
        Load& load = loads_[{server, {}}];
        ++load.count;
        load.bytes += written_size(to.original);
      }
      topics_[to].merge(it->second);
      unload(it->first);
      it = topics_.erase(it);
      moved = true;
    }
  }
  if (moved) changed_(server, {});
}

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
    for (const auto& [who, entry] : it->second) stands = stands || entry.agreed;
    if (stands) out.insert(topic.original);
  }
  return out;
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
  for (const auto& [who, entry] : found->second) {
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
