// What happened last to servers and to the process, for people who look: a ring of fixed length, in memory.
// Any thread.
#pragma once

#include <chrono>
#include <cstddef>
#include <cstdint>
#include <deque>
#include <functional>
#include <mutex>
#include <string>
#include <string_view>
#include <vector>

namespace weir {

/// One thing that happened.
struct RecentEvent {
  /// Set by the ring; from 1, without gaps.
  std::uint64_t number = 0;
  std::chrono::system_clock::time_point at{};
  std::string_view kind;  // of static storage: endpoint, server, breaker, degradation, name, pin, reload,
                          // drain
  bool good = true;       // nothing that an operator would have to look at
  std::string server;     // empty: the process
  std::string endpoint;   // its address; empty: no single one
  std::string text;       // one short sentence; longer ones are cut
};

/// The ring. One per process.
class RecentEvents {
 public:
  /// How many are kept.
  static constexpr std::size_t kKept = 200;
  static constexpr std::size_t kTextMax = 400;  // bytes of a text

  /// Takes one; the oldest goes where there are too many.
  void add(RecentEvent event);
  /// Those with a higher number than `number`, oldest first.
  std::vector<RecentEvent> after(std::uint64_t number) const;
  /// Calls `told` after each add(), under the ring's lock; empty: nobody.
  void listen(std::function<void()> told);

 private:
  mutable std::mutex lock_;
  std::deque<RecentEvent> kept_;
  std::uint64_t last_ = 0;
  std::function<void()> told_;
};

}  // namespace weir
