// Calls that wait for a permit, and who of them is next: the highest priority, then the client with the
// fewest calls under way, then the oldest. A full queue is shared fairly, too: a newcomer may take the place
// of who is less urgent, or of who has far more of it. Not shared: its owner's lock.
#pragma once

#include <array>
#include <cstdint>
#include <list>
#include <map>
#include <memory>
#include <optional>
#include <tuple>

#include "call/call.h"
#include "runtime/shard.h"
#include "runtime/waiter.h"

namespace weir {

/// A limit with its count. Any shard.
struct CountedLimit {
  std::atomic<std::uint32_t> in_flight{0};
  std::atomic<std::uint32_t> limit{0};
};

/// What a call wants of its server's bulkhead.
struct AdmissionWish {
  static constexpr std::uint32_t kNobody = ~std::uint32_t{0};
  std::uint32_t client = kNobody;  // whose share it is of; nobody: the gateway's own
  CountedLimit* tool = nullptr;    // null: its tool has no limit of its own
  Priority priority = Priority::normal;
};

/// One call that waits. Shared by the call and whoever wakes it.
struct AdmissionWait {
  enum class State : std::uint8_t { queued, served, displaced };
  AdmissionWait(Shard& shard, const AdmissionWish& wanted) : home(shard), wish(wanted) {}
  Shard& home;
  const AdmissionWish wish;
  Waiter waiter;                // home's
  State state = State::queued;  // the queue's owner's lock
  std::uint64_t turn = 0;       // later ones have a higher one
  std::list<std::shared_ptr<AdmissionWait>>::iterator place;
};

class AdmissionQueue {
 public:
  using Wait = std::shared_ptr<AdmissionWait>;

  /// How many wait.
  std::size_t size() const noexcept { return size_; }
  /// Behind all others.
  void add(Wait one);
  /// Gives the one that was in the queue.
  Wait remove(AdmissionWait& one);
  /// Who is next; null: nobody may go. `rank`: how many calls its client has under way; nothing: it may not
  /// go now.
  template <class Rank>
  AdmissionWait* next(Rank&& rank) const {
    AdmissionWait* best = nullptr;
    std::uint32_t fewest = 0;
    for (const auto& [key, lane] : lanes_) {
      AdmissionWait& first = *lane.front();
      if (best != nullptr && first.wish.priority < best->wish.priority) break;
      const std::optional<std::uint32_t> count = rank(first.wish);
      if (!count) continue;
      if (best != nullptr && (*count > fewest || (*count == fewest && first.turn > best->turn))) continue;
      best = &first;
      fewest = *count;
    }
    return best;
  }
  /// Who gives its place to a newcomer; null: nobody. `own`: only of its own client's may.
  AdmissionWait* yields_to(const AdmissionWish& newcomer, bool own) const;

 private:
  // Whoever is in one lane may go or may not for the same reasons: only the first of each is looked at.
  using Key = std::tuple<int, std::uint32_t, CountedLimit*>;  // the highest priority first
  static Key key_of(const AdmissionWish& wish) noexcept {
    return {-static_cast<int>(wish.priority), wish.client, wish.tool};
  }
  template <class Fits>
  AdmissionWait* newest(Fits&& fits) const;

  std::map<Key, std::list<Wait>> lanes_;
  std::map<std::uint32_t, std::array<std::uint32_t, 3>> of_client_;  // how many wait, by priority
  std::size_t size_ = 0;
  std::uint64_t turns_ = 0;
};

}  // namespace weir
