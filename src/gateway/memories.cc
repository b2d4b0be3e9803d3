#include "gateway/memories.h"

#include <algorithm>

#include "mcp/param_schema.h"

namespace weir {

Memories::Memories(LastGoodFiles::Trouble trouble)
    : trouble_(std::move(trouble)), files_(std::make_unique<LastGoodFiles>("", WallTime(), trouble_)) {}

void Memories::open(const std::string& state_dir, WallTime now) {
  if (files_->folder() == state_dir) return;
  files_ = std::make_unique<LastGoodFiles>(state_dir, now, trouble_);
  for (auto& [name, one] : servers_) one.remarked = true;
}

std::shared_ptr<LastGood> Memories::of(const ServerConfig& server) {
  ReachMarks marks = reach_marks(server);
  const auto [at, fresh] = servers_.try_emplace(server.name);
  One& one = at->second;
  if (!fresh && share_a_mark(one.marks, marks)) {
    one.remarked = one.remarked || one.marks != marks;
    one.marks = std::move(marks);
    return one.last_good;
  }
  one = One();
  one.last_good =
      std::make_shared<LastGood>(bytes_, [trouble = trouble_, name = server.name](const std::string& what) {
        if (trouble) trouble(name, what);
      });
  LastGoodText content;
  if (fresh && files_->load(server.name, content) && share_a_mark(content.marks, marks)) {
    one.last_good->restore(std::move(content.kept));
    one.remarked = content.marks != marks;
  }
  one.marks = std::move(marks);
  return one.last_good;
}

void Memories::retain(std::span<const std::string> names) {
  for (auto at = servers_.begin(); at != servers_.end();) {
    if (std::find(names.begin(), names.end(), at->first) != names.end()) {
      ++at;
      continue;
    }
    save(at->first, at->second, true);
    at = servers_.erase(at);
  }
}

void Memories::save(bool times) {
  for (auto& [name, one] : servers_) save(name, one, times);
}

void Memories::save(const std::string& name, One& one, bool times) {
  const std::uint64_t changes = one.last_good->changes();
  if (changes == one.saved && !one.remarked && !times) return;
  LastGoodText content;
  content.server = name;
  content.marks = one.marks;
  content.kept = one.last_good->all();
  // What was there before is better than nothing, until there is something.
  if (content.kept.empty() || !files_->save(content)) return;
  one.saved = changes;
  one.remarked = false;
}

void recall_names(const LastGood& last_good, std::array<std::shared_ptr<const Identities>, kListKinds>& seen,
                  std::shared_ptr<const ToolTable>& tools_table) {
  const KeptServer kept = last_good.all();
  for (std::size_t k = 0; k < kListKinds; ++k) {
    if (!kept.lists[k].page) continue;
    Identities identities;
    for (const ListEntry& entry : kept.lists[k].page->entries) identities.push_back(entry.identity);
    seen[k] = std::make_shared<const Identities>(std::move(identities));
  }
  const KeptList& tools = kept.lists[static_cast<std::size_t>(ListKind::tools)];
  if (!tools.page) return;
  // Those that clients must not see were not kept.
  ToolTable table;
  std::unordered_set<std::string> named;
  for (const ListEntry& entry : tools.page->entries) {
    ParamRules rules = read_param_rules(entry.input_schema);
    if (rules.fault.empty() && !rules.params.empty())
      table.params.try_emplace(entry.identity, std::move(rules));
    if (named.insert(entry.identity).second && entry.repeatable) table.repeatable.insert(entry.identity);
  }
  if (!table.empty()) tools_table = std::make_shared<const ToolTable>(std::move(table));
}

}  // namespace weir
