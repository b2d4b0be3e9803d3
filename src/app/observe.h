// What happens, made into log lines and metrics. One per process; its members are called on every shard.
#pragma once

#include <atomic>
#include <mutex>
#include <unordered_map>
#include <unordered_set>

#include "config/config.h"
#include "front/http_entry.h"
#include "obs/log.h"
#include "obs/metrics.h"
#include "obs/recent.h"

namespace weir {

class Observe final : public FrontObserver {
 public:
  Observe(Log& log, Metrics& metrics, Gateway*& gateway, std::size_t shards);
  ~Observe() override;

  /// Takes level, format and modules of a new configuration. Any thread.
  void set_options(const LogConfig& config);
  void finished(const RequestRecord& record) override;
  /// Log lines of a server's new state, and of what a child wrote to stderr. Any thread.
  void server_changed(const Upstream& upstream);
  void endpoint_changed(const Upstream& upstream, const Endpoint& endpoint);
  void breaker_changed(const Upstream& upstream, const Endpoint& endpoint, const BreakerChange& change);
  void name_changed(const Upstream& upstream, const std::string& host, const std::string& reason);
  /// A rule of degradation acts, or does no more. Any thread.
  void degradation_changed(const std::string& rule, const std::string& server, bool acts);
  void child_wrote(const std::string& server, std::string_view line);
  /// A warning that clients are not shown a tool. Any thread.
  void tool_withheld(const std::string& server, const std::string& tool, const std::string& reason);
  /// A warning about what a server offers and is not remembered for when it is away. Any thread.
  void not_remembered(const std::string& server, const std::string& what);
  /// What a person should know of a server's pins. Any thread.
  void pin_news(const PinNews& news);
  /// What happened to the process as a whole, for recent(): `kind` is of static storage. A shard's thread.
  void noted(std::string_view kind, bool good, std::string text);
  /// What happened last. Any thread.
  RecentEvents& recent() noexcept { return recent_; }
  /// What is read when scraped.
  std::vector<ReadFamily> read_families() const;

  /// Gauges that others keep up to date; read when scraped.
  std::atomic<std::uint32_t> connections{0};
  /// Why a connection was not taken; `connections_refused` is by it.
  enum Refusal : std::uint8_t { kLimit, kAddressLimit, kDescriptors, kRefusals };
  std::array<std::atomic<std::uint64_t>, kRefusals> connections_refused{};
  std::atomic<std::uint64_t> connections_shed{0};   // idle ones, to make room
  std::atomic<std::uint64_t> handshakes_failed{0};  // TLS, of clients
  std::atomic<bool> last_reload_good{true};
  std::atomic<std::int64_t> last_reload_seconds{0};

 private:
  /// All series that one kind of request counts in.
  struct Bundle {
    Metrics::Series* requests = nullptr;
    Metrics::Series* duration = nullptr;
    Metrics::Series* tool = nullptr;      // null: no call of a tool
    Metrics::Series* attempts = nullptr;  // null: none has come to this yet
    Metrics::Series* server_operation = nullptr;
    Metrics::Series* client_operation = nullptr;  // null: no server is asked
  };
  struct Seat;
  Bundle& bundle_of(Seat& seat, std::size_t shard, const RequestRecord& record);
  Bundle& find_bundle(Seat& seat, std::size_t shard, const RequestRecord& record);
  Bundle make_bundle(std::size_t shard, const RequestRecord& record, std::string_view tool,
                     const Upstream* upstream);

  bool is_news(const std::string& server, const std::string& endpoint, std::string_view state);

  Log& log_;
  Metrics& metrics_;
  Gateway*& gateway_;
  struct Told {
    std::string_view state;  // of static storage
    TimePoint at{};
  };
  std::mutex told_lock_;
  std::unordered_map<std::string, Told> told_;  // of endpoints, last; its lock
  static constexpr std::size_t kWithheldMax = 1000;
  std::unordered_set<std::string> withheld_;  // what was told of; its lock
  RecentEvents recent_;
  std::vector<std::unique_ptr<Seat>> seats_;  // by shard
  std::atomic<LogConfig::Access> access_{LogConfig::Access::errors};
};

}  // namespace weir
