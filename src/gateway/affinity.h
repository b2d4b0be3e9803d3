// Which endpoint has a client's session with an old server: what the client does there stays there. A client
// moves when its endpoint is no more to be used. Bounded. Striped locks, never held across a wait. Any shard.
#pragma once

#include <array>
#include <atomic>
#include <cstdint>
#include <functional>
#include <mutex>
#include <string>
#include <unordered_map>

#include "runtime/time.h"

namespace weir {

class Affinity {
 public:
  /// The number of the client's endpoint; 0: it has none yet.
  std::uint32_t find(const std::string& key, TimePoint now);
  /// The client's endpoint is this one from now on, unless it has become another than `before` meanwhile;
  /// which it is now.
  std::uint32_t settle(const std::string& key, std::uint32_t before, std::uint32_t endpoint, TimePoint now);
  void forget(const std::string& key);
  /// The same, unless the client has moved away from `endpoint` meanwhile.
  void forget(const std::string& key, std::uint32_t endpoint);
  /// Forgets who was not seen since `old` and has no session as `has_session` says.
  void sweep(TimePoint old,
             const std::function<bool(const std::string& key, std::uint32_t endpoint)>& has_session);
  std::size_t size() const;

 private:
  struct Entry {
    std::uint32_t endpoint = 0;
    TimePoint used{};
  };
  struct Stripe {
    mutable std::mutex lock;
    std::unordered_map<std::string, Entry> entries;
  };
  static constexpr std::size_t kStripeMax = 4096;
  static constexpr Duration kSpared = std::chrono::minutes(1);
  static void make_room(Stripe& stripe, TimePoint now);
  Stripe& stripe_of(const std::string& key) {
    return stripes_[std::hash<std::string>()(key) % stripes_.size()];
  }
  std::array<Stripe, 16> stripes_;
};

}  // namespace weir
