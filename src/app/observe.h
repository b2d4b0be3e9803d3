// What happens, made into log lines and metrics. One per process; its members are called on every shard.
#pragma once

#include <atomic>

#include "config/config.h"
#include "front/http_entry.h"
#include "obs/log.h"
#include "obs/metrics.h"

namespace weir {

class Observe final : public FrontObserver {
 public:
  Observe(Log& log, Metrics& metrics, Gateway*& gateway) : log_(log), metrics_(metrics), gateway_(gateway) {}

  void set_options(const LogConfig& config);
  void finished(const RequestRecord& record) override;
  void server_changed(const Upstream& upstream);
  void child_wrote(const std::string& server, std::string_view line);
  /// What is read when scraped.
  std::vector<ReadFamily> read_families() const;

  std::atomic<std::uint32_t> connections{0};
  std::atomic<bool> last_reload_good{true};
  std::atomic<std::int64_t> last_reload_seconds{0};

 private:
  Log& log_;
  Metrics& metrics_;
  Gateway*& gateway_;
  std::atomic<LogConfig::Access> access_{LogConfig::Access::errors};
};

}  // namespace weir
