#include "gateway/last_good.h"

#include <algorithm>

namespace weir {
namespace {

// Several pages that were each within the bounds of one document come into one.
constexpr std::size_t kMembersMax = 4'000'000;

std::size_t size_of(const ServerFacts& facts) noexcept {
  return facts.capabilities.size() + facts.server_info.size() + facts.instructions.size();
}

std::string joined(const std::vector<ListPage>& pages, std::size_t bytes) {
  std::string out;
  out.reserve(bytes);
  for (const ListPage& page : pages)
    for (const ListEntry& entry : page.entries) {
      if (!out.empty()) out += ',';
      out += entry.raw;
    }
  return out;
}

}  // namespace

bool KeptServer::empty() const noexcept {
  return !facts.facts &&
         std::none_of(lists.begin(), lists.end(), [](const KeptList& list) { return list.page != nullptr; });
}

std::shared_ptr<const ListPage> page_of(ListKind kind, std::string_view raw_entries, std::size_t count) {
  std::string text = R"({"jsonrpc":"2.0","id":0,"result":{")";
  text.reserve(raw_entries.size() + 80);
  text.append(list_key(kind)).append("\":[").append(raw_entries).append("]}}");
  JsonLimits limits;
  limits.members_max = kMembersMax;
  auto message = Message::index(Bytes::copy_of(text), limits, Message::From::upstream);
  if (!message) return nullptr;
  Result<ListPage> page = read_list_page(std::move(*message), kind);
  if (!page || page->entries.size() != count) return nullptr;
  return std::make_shared<const ListPage>(std::move(*page));
}

LastGood::LastGood(std::shared_ptr<KeptBytes> bytes, std::function<void(const std::string& what)> too_large)
    : bytes_(std::move(bytes)), too_large_(std::move(too_large)) {}

LastGood::~LastGood() {
  for (const std::size_t size : sizes_) bytes_->used -= size;
}

bool LastGood::same(ListKind kind, const std::vector<ListPage>& pages) const {
  const auto& kept = kept_.lists[static_cast<std::size_t>(kind)].page;
  if (!kept) return false;
  auto at = kept->entries.begin();
  for (const ListPage& page : pages)
    for (const ListEntry& entry : page.entries) {
      if (at == kept->entries.end() || at->raw != entry.raw) return false;
      ++at;
    }
  return at == kept->entries.end();
}

// Under the lock: the bytes of what was in this place become these. False: there are too many.
bool LastGood::take(std::size_t place, std::size_t bytes) {
  std::size_t others = 0;
  for (std::size_t i = 0; i < sizes_.size(); ++i) others += i == place ? 0 : sizes_[i];
  bytes_->used -= std::exchange(sizes_[place], 0);
  if (others + bytes > bytes_->server_max) return false;
  if (bytes_->used.fetch_add(bytes) + bytes > bytes_->all_max) {
    bytes_->used -= bytes;
    return false;
  }
  sizes_[place] = bytes;
  return true;
}

void LastGood::tell(std::string what) {
  if (told_.exchange(true) || !too_large_) return;
  too_large_(what + " is too large to be remembered while the server is away");
}

void LastGood::note(ListKind kind, const std::vector<ListPage>& pages, WallTime now) {
  const auto place = static_cast<std::size_t>(kind);
  {
    std::lock_guard lock(lock_);
    if (same(kind, pages)) {
      kept_.lists[place].seen = now;
      return;
    }
  }
  std::size_t bytes = 0;
  std::size_t count = 0;
  for (const ListPage& page : pages)
    for (const ListEntry& entry : page.entries) {
      bytes += entry.raw.size() + 1;
      ++count;
    }
  // Not even copied if it can't be kept.
  const std::shared_ptr<const ListPage> page =
      bytes > bytes_->server_max ? nullptr : page_of(kind, joined(pages, bytes), count);
  bool kept = false;
  {
    std::lock_guard lock(lock_);
    kept = take(place, page ? bytes : 0) && page;
    kept_.lists[place] = kept ? KeptList(page, now) : KeptList();
    changes_.fetch_add(1, std::memory_order_release);
  }
  if (!kept) tell("its list of " + std::string(list_key(kind)));
}

void LastGood::note(const ServerFacts& facts, WallTime now) {
  bool kept = true;
  {
    std::lock_guard lock(lock_);
    if (kept_.facts.facts && *kept_.facts.facts == facts) {
      kept_.facts.seen = now;
      return;
    }
    kept = take(kFactsPlace, size_of(facts));
    kept_.facts = kept ? KeptFacts(std::make_shared<const ServerFacts>(facts), now) : KeptFacts();
    changes_.fetch_add(1, std::memory_order_release);
  }
  if (!kept) tell("what it says of itself");
}

void LastGood::restore(KeptServer kept) {
  std::lock_guard lock(lock_);
  if (kept.facts.facts && take(kFactsPlace, size_of(*kept.facts.facts))) kept_.facts = kept.facts;
  for (std::size_t k = 0; k < kListKinds; ++k) {
    if (!kept.lists[k].page) continue;
    std::size_t bytes = 0;
    for (const ListEntry& entry : kept.lists[k].page->entries) bytes += entry.raw.size() + 1;
    if (take(k, bytes)) kept_.lists[k] = kept.lists[k];
  }
}

KeptList LastGood::list(ListKind kind) const {
  std::lock_guard lock(lock_);
  const KeptList& kept = kept_.lists[static_cast<std::size_t>(kind)];
  if (kept.page || !kept_.facts.facts || kept_.facts.facts->has(list_capability(kind))) return kept;
  return KeptList(page_of(kind, {}, 0), kept_.facts.seen);
}

KeptFacts LastGood::facts() const {
  std::lock_guard lock(lock_);
  return kept_.facts;
}

KeptServer LastGood::all() const {
  std::lock_guard lock(lock_);
  return kept_;
}

std::string age_text(WallTime seen, WallTime now) {
  const auto seconds =
      std::max<std::int64_t>(0, std::chrono::duration_cast<std::chrono::seconds>(now - seen).count());
  if (seconds < 60) return std::to_string(seconds) + 's';
  if (seconds < 3600) return std::to_string(seconds / 60) + 'm';
  if (seconds < 48 * 3600) return std::to_string(seconds / 3600) + 'h';
  return std::to_string(seconds / 86400) + 'd';
}

}  // namespace weir
