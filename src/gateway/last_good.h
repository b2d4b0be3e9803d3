// What one server was last known to offer and to say of itself, for the time that it is away. Only what Weir
// asked for itself is kept, so that it is nobody's own; bounded for each server and for all together. Shared
// by all shards. Source: R18.
#pragma once

#include <array>
#include <atomic>
#include <functional>
#include <memory>
#include <mutex>
#include <string>
#include <vector>

#include "mcp/handshake.h"
#include "mcp/merge.h"
#include "runtime/time.h"

namespace weir {

/// What was kept of one of a server's lists: all of it, as one page; null: nothing.
struct KeptList {
  KeptList() = default;
  KeptList(std::shared_ptr<const ListPage> whole, WallTime at) : page(std::move(whole)), seen(at) {}
  explicit operator bool() const noexcept { return page != nullptr; }
  std::shared_ptr<const ListPage> page;
  WallTime seen{};  // when the server last said so
};

/// What was kept of what a server says of itself; null: nothing.
struct KeptFacts {
  KeptFacts() = default;
  KeptFacts(std::shared_ptr<const ServerFacts> all, WallTime at) : facts(std::move(all)), seen(at) {}
  explicit operator bool() const noexcept { return facts != nullptr; }
  std::shared_ptr<const ServerFacts> facts;
  WallTime seen{};
};

/// All that is kept of one server.
struct KeptServer {
  KeptFacts facts;
  std::array<KeptList, kListKinds> lists;
  /// True if that is nothing.
  bool empty() const noexcept;
};

/// One page that holds these entries, the raw text between an array's brackets. Null: they are not all read
/// again, or break a bound of one document.
std::shared_ptr<const ListPage> page_of(ListKind kind, std::string_view raw_entries, std::size_t count);

/// How many bytes may be kept; counts those that are. Any thread.
struct KeptBytes {
  std::size_t server_max = 8 * 1024 * 1024;
  std::size_t all_max = 64 * 1024 * 1024;
  std::atomic<std::size_t> used{0};
};

class LastGood {
 public:
  /// `too_large` is told once, on any shard, with what is not kept.
  LastGood(std::shared_ptr<KeptBytes> bytes, std::function<void(const std::string& what)> too_large);
  ~LastGood();
  LastGood(const LastGood&) = delete;
  LastGood& operator=(const LastGood&) = delete;

  /// The server has listed all of this. What is too large is not kept, nor is what was there before it.
  void note(ListKind kind, const std::vector<ListPage>& pages, WallTime now);
  /// The server has said this of itself.
  void note(const ServerFacts& facts, WallTime now);
  /// Takes what an earlier process kept, as far as the bounds allow. Before anything is noted.
  void restore(KeptServer kept);

  /// One list; an empty one too where the server said that it has no such things.
  KeptList list(ListKind kind) const;
  KeptFacts facts() const;
  KeptServer all() const;
  /// Grows with each change of what is kept; not with the time that it was seen.
  std::uint64_t changes() const noexcept { return changes_.load(std::memory_order_acquire); }

 private:
  static constexpr std::size_t kFactsPlace = kListKinds;
  bool same(ListKind kind, const std::vector<ListPage>& pages) const;
  bool take(std::size_t place, std::size_t bytes);
  void tell(std::string what);

  const std::shared_ptr<KeptBytes> bytes_;
  const std::function<void(const std::string& what)> too_large_;
  std::atomic<std::uint64_t> changes_{0};
  std::atomic<bool> told_{false};
  mutable std::mutex lock_;
  KeptServer kept_;                                  // its lock
  std::array<std::size_t, kListKinds + 1> sizes_{};  // by kind, then the facts'; its lock
};

/// How long ago, in one unit: "12s", "5m", "3h", "2d". What lies ahead is "0s".
std::string age_text(WallTime seen, WallTime now);

}  // namespace weir
