// How many connections clients have open, in all and by address. Shared by all shards; a short lock per
// stripe. Source: the hostile edge, "floods".
#pragma once

#include <array>
#include <atomic>
#include <cstddef>
#include <cstdint>
#include <mutex>
#include <string>
#include <string_view>
#include <unordered_map>

namespace weir {

class ConnectionBook {
 public:
  /// Which bound stands in the way of one more.
  enum class Room : std::uint8_t { yes, none, none_for_address };

  /// Counts one more of this address (without its port), whatever the bounds are: `most` in all,
  /// `most_of_address`. Says whether one was reached before.
  Room enter(std::string_view address, std::size_t most, std::size_t most_of_address);
  void leave(std::string_view address);
  std::size_t size() const noexcept { return all_.load(std::memory_order_relaxed); }

 private:
  struct Stripe {
    std::mutex lock;
    std::unordered_map<std::string, std::size_t> counts;
  };
  Stripe& stripe(std::string_view address) {
    return stripes_[std::hash<std::string_view>{}(address) % stripes_.size()];
  }

  std::atomic<std::size_t> all_{0};
  std::array<Stripe, 16> stripes_;
};

}  // namespace weir
