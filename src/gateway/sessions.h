// The sessions of old clients: what `initialize` settled and later requests build on. An id is sealed and
// holds 128 random bits, so it can't be guessed. Shared by all shards; a short lock per stripe. Source: MCP
// 2025-11-25 basic/transports, "Session Management".
#pragma once

#include <array>
#include <atomic>
#include <memory>
#include <mutex>
#include <string>
#include <string_view>
#include <unordered_map>

#include "mcp/session_id.h"
#include "mcp/version.h"
#include "runtime/time.h"

namespace weir {

/// One client's session. Immutable but for its log level and the time of its last use.
struct Session {
  std::string id;
  Revision revision = kNewestOld;
  std::string client_info;   // raw JSON; empty: none
  std::string capabilities;  // raw JSON
  std::string path;          // the endpoint it was made at: "/mcp" or "/mcp/NAME"
  std::string owner;         // the client it belongs to

  /// The level that the client asked for with logging/setLevel; empty: none. Any thread.
  std::string log_level() const {
    std::lock_guard lock(lock_);
    return log_level_;
  }
  /// Sets it. Any thread.
  void set_log_level(std::string level) {
    std::lock_guard lock(lock_);
    log_level_ = std::move(level);
  }

 private:
  friend class Sessions;
  mutable std::mutex lock_;
  std::string log_level_;
  std::atomic<TimePoint::rep> used_{0};
};

class Sessions {
 public:
  /// Bounds of all sessions together.
  struct Options {
    std::size_t count_max = 100'000;
    Duration idle_max = std::chrono::hours(1);
  };
  explicit Sessions(Options options);

  /// Opens a session whose id is made here. Null: too many are open.
  std::shared_ptr<Session> open(std::shared_ptr<Session> draft, TimePoint now);
  /// The live session with this id that `owner` opened at `path`; null for every other.
  std::shared_ptr<Session> find(std::string_view id, std::string_view owner, std::string_view path,
                                TimePoint now);
  /// Ends it; false if there is none.
  bool close(std::string_view id, std::string_view owner, std::string_view path, TimePoint now);
  std::size_t size() const noexcept { return count_.load(std::memory_order_relaxed); }
  /// Forgets what was not used for idle_max. Any thread, now and then.
  void sweep(TimePoint now);

 private:
  struct Stripe {
    std::mutex lock;
    std::unordered_map<std::string, std::shared_ptr<Session>> by_id;
  };
  Stripe& stripe(std::string_view id);

  const Options options_;
  const Sealer sealer_;
  const std::uint32_t gateway_;
  std::atomic<std::size_t> count_{0};
  std::array<Stripe, 16> stripes_;
};

}  // namespace weir
