// The sessions of old clients: what `initialize` settled and later requests build on. An id is sealed and
// holds 128 random bits, so it can't be guessed. Shared by all shards; a short lock per stripe. Source: MCP
// 2025-11-25 basic/transports, "Session Management".
#pragma once

#include <array>
#include <atomic>
#include <functional>
#include <memory>
#include <mutex>
#include <string>
#include <string_view>
#include <unordered_map>
#include <utility>
#include <vector>

#include "gateway/session.h"
#include "mcp/session_id.h"
#include "runtime/time.h"

namespace weir {

class Sessions {
 public:
  /// Bounds of all sessions together.
  struct Options {
    std::size_t count_max = 100'000;
    std::size_t owner_max = 10'000;  // of one owner, fewer if they say much of themselves
    Duration idle_max = std::chrono::hours(1);
  };
  explicit Sessions(Options options);

  /// Opens a session whose id is made here. Null: too many are open, in all or of its owner.
  std::shared_ptr<Session> open(std::shared_ptr<Session> draft, TimePoint now);
  /// The live session with this id that `owner` opened at `path`; null for every other.
  std::shared_ptr<Session> find(std::string_view id, std::string_view owner, std::string_view path,
                                TimePoint now);
  /// The live session with this id, for the gateway's own use: it counts as no use. Null: none.
  std::shared_ptr<Session> peek(std::string_view id) const;
  /// Ends it; null if there is none, else what was ended.
  std::shared_ptr<Session> close(std::string_view id, std::string_view owner, std::string_view path,
                                 TimePoint now);
  std::size_t size() const noexcept { return count_.load(std::memory_order_relaxed); }
  /// Ends what was not used for idle_max and gives it back; gives up what clients were asked too long ago.
  /// Any thread, now and then.
  std::vector<std::shared_ptr<Session>> sweep(TimePoint now);
  /// Calls `each` for every open session. Any thread; `each` may take its time, no lock is held.
  void for_each(const std::function<void(const std::shared_ptr<Session>&)>& each) const;

 private:
  struct Stripe {
    mutable std::mutex lock;
    std::unordered_map<std::string, std::shared_ptr<Session>> by_id;
  };
  const Stripe& stripe(std::string_view id) const;
  Stripe& stripe(std::string_view id) { return const_cast<Stripe&>(std::as_const(*this).stripe(id)); }

  const Options options_;
  const Sealer sealer_;
  const std::uint32_t gateway_;
  // One less of its owner's; what that one has no more is not kept.
  void leave(const Session& session);

  std::atomic<std::size_t> count_{0};
  std::mutex owners_lock_;
  std::unordered_map<std::string, std::size_t> owners_;  // how many each has; its lock
  std::array<Stripe, 16> stripes_;
};

}  // namespace weir
