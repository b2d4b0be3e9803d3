// How many calls of a server may be under way, shared by all its shards: permits are counts that go up by
// compare-and-swap while there is room; a lock is only taken while something waits. Lives as long as the
// server, so that a reload changes the limits under the calls that there are.
// Source: R16; resilience design section 2; docs/design/010-bulkhead.md.
#pragma once

#include <array>
#include <atomic>
#include <chrono>
#include <cstddef>
#include <cstdint>
#include <map>
#include <memory>
#include <mutex>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "call/permit.h"
#include "config/config.h"
#include "resilience/admission_queue.h"
#include "resilience/gradient.h"

namespace weir {

/// Why a call was not let in.
enum class Refused : std::uint8_t {
  queue_full,     // too many wait already
  queue_timeout,  // it has waited as long as it may
  client_share,   // its client has as many under way as one may have
  tool_limit,     // its tool has
  displaced,      // it gave its place in the queue to another
  count_
};
/// The label of a reason.
std::string_view to_string(Refused reason) noexcept;

/// The limits of tools, by their server's names for them.
using ToolLimits = std::map<std::string, std::size_t, std::less<>>;

class Admission final : public PermitPool {
 public:
  Admission();

  /// What holds from now on, for calls that wait too. Any shard, one at a time.
  void configure(const BulkheadConfig& config, const ToolLimits& tools);
  /// The count of a tool that has a limit; good for ever.
  CountedLimit* tool(const std::string& name);
  /// Whose share a client's calls are of; nobody's where `identity` is empty. Now and then two clients share
  /// one.
  std::uint32_t client_of(std::string_view identity) const noexcept;

  /// True: it is let in. False says nothing: join() does. No lock. Any shard.
  bool enter(const AdmissionWish& wish) noexcept {
    return waiting_.load(std::memory_order_relaxed) == 0 && take(wish);
  }
  /// The permit of a call that was let in.
  void begin(Permit& permit, const AdmissionWish& wish, TimePoint now) noexcept {
    permit.client = wish.client;
    permit.tool = wish.tool == nullptr ? nullptr : &wish.tool->in_flight;
    permit.begin(*this, now);
  }
  /// Lets it in, or has it wait (`wait` is set), or says why not. Current shard.
  std::optional<Refused> join(const AdmissionWish& wish, std::shared_ptr<AdmissionWait>& wait);
  /// A call waits no more. Queued: it has left; served: it was let in; displaced: it was not.
  AdmissionWait::State leave(AdmissionWait& one);
  /// A call that leave() says was let in does not go on.
  void undo(const AdmissionWish& wish) noexcept;
  void give_back(Permit& permit) noexcept override;
  void take_again(Permit& permit) noexcept override;

  /// The limit that stands in the way; `otherwise` when nothing does by now.
  Refused obstacle(const AdmissionWish& wish, Refused otherwise) const noexcept;
  /// When a call that is refused for this may well be let in.
  std::chrono::milliseconds retry_after(Refused reason, const AdmissionWish& wish) const noexcept;

  // For whoever looks. Any thread.
  std::uint32_t in_flight() const noexcept { return in_flight_.load(std::memory_order_relaxed); }
  std::uint32_t queued() const noexcept { return waiting_.load(std::memory_order_relaxed); }
  /// Nothing: there is no limit.
  std::optional<std::uint32_t> limit() const noexcept;
  std::uint32_t share() const noexcept { return share_.load(std::memory_order_relaxed); }
  std::uint32_t in_flight_of(std::uint32_t client) const noexcept {
    return client == AdmissionWish::kNobody ? 0 : clients_[client].load(std::memory_order_relaxed);
  }

 private:
  using Woken = std::vector<std::shared_ptr<AdmissionWait>>;
  static constexpr std::uint32_t kNone = ~std::uint32_t{0};  // a limit that nothing reaches
  static constexpr std::size_t kClients = 4096;              // a power of two

  // One more, unless there are as many as may be.
  static bool count_up(std::atomic<std::uint32_t>& count, std::uint32_t limit) noexcept {
    std::uint32_t now = count.load(std::memory_order_relaxed);
    do {
      if (now >= limit) return false;
    } while (
        !count.compare_exchange_weak(now, now + 1, std::memory_order_seq_cst, std::memory_order_relaxed));
    return true;
  }
  // What may be its own alone first: that fails without a trace for the others.
  bool take(const AdmissionWish& wish) noexcept {
    const bool counted = wish.client != AdmissionWish::kNobody;
    if (counted && !count_up(clients_[wish.client], share_.load(std::memory_order_relaxed))) return false;
    if (wish.tool == nullptr && count_up(in_flight_, limit_.load(std::memory_order_relaxed))) return true;
    if (wish.tool != nullptr && take_of_tool(*wish.tool)) return true;
    if (counted) clients_[wish.client].fetch_sub(1);
    return false;
  }
  bool take_of_tool(CountedLimit& tool) noexcept;
  void untake(std::uint32_t client, std::atomic<std::uint32_t>* tool) noexcept;
  void serve(Woken& woken);
  void serve_waiting() noexcept;
  static void wake(const Woken& woken);
  void set_limit(std::uint32_t limit) noexcept;
  void note(const Permit& permit) noexcept;
  void note_answer(Duration::rep took, TimePoint now) noexcept;
  void adapt(TimePoint now);

  alignas(64) std::atomic<std::uint32_t> in_flight_{0};
  std::atomic<std::uint32_t> waiting_{0};  // those in the queue, and who is about to be
  std::atomic<std::uint32_t> limit_{kNone};
  std::atomic<std::uint32_t> share_{kNone};  // of one client
  std::atomic<Duration::rep> held_{0};       // how long permits are held, on average lately
  std::atomic<std::chrono::milliseconds::rep> queue_timeout_{0};
  std::atomic<bool> adaptive_{false};

  // One window of answered calls, while the limit follows them.
  alignas(64) std::atomic<Duration::rep> took_{0};  // in all
  std::atomic<std::uint32_t> answered_{0};
  std::atomic<std::uint32_t> busiest_{0};
  std::atomic<bool> pressed_{false};
  std::atomic<TimePoint::rep> window_end_{0};

  mutable std::mutex lock_;
  AdmissionQueue queue_;                                                     // its lock
  std::size_t queue_max_ = 0;                                                // its lock
  double client_share_ = 1;                                                  // its lock
  Gradient gradient_{1};                                                     // its lock
  std::map<std::string, std::unique_ptr<CountedLimit>, std::less<>> tools_;  // its lock

  const std::uint64_t salt_;
  std::array<std::atomic<std::uint32_t>, kClients> clients_{};
};

}  // namespace weir
