// Metrics: one table of families, counted per shard without contention, summed when scraped. Label values
// come from configuration and catalogue only; the number of series has a cap, and what it drops is counted.
// Format: Prometheus text 0.0.4 and OpenMetrics 1.0.
#pragma once

#include <array>
#include <atomic>
#include <cstdint>
#include <functional>
#include <memory>
#include <mutex>
#include <span>
#include <string>
#include <string_view>
#include <unordered_map>
#include <vector>

namespace weir {

/// The families that are counted as things happen; their rows are in metrics.cc.
enum class Family : std::uint8_t {
  requests,
  request_duration,
  tool_duration,
  overhead,
  attempts,
  server_operation,
  client_operation,
  count_
};

/// One value that is read when scraped.
struct Sample {
  std::string labels;  // `{server="a"}` or empty
  double value = 0;
};
/// A family whose samples are read when scraped: gauges, and counters kept elsewhere.
struct ReadFamily {
  std::string_view name;
  std::string_view help;
  bool counter = false;
  std::vector<Sample> samples;
};

class Metrics {
 public:
  static constexpr std::size_t kSeriesMax = 10'000;  // per shard

  explicit Metrics(std::size_t shards);
  ~Metrics();

  /// One series of one shard: found once, kept by whoever counts often. Never freed.
  struct Series;
  /// The series of these labels. `shard` is the caller's.
  Series& series_of(std::size_t shard, Family family, std::span<const std::string_view> labels);
  static void add(Series& series, std::uint64_t by) noexcept;
  static void observe(Series& series, std::uint64_t nanoseconds) noexcept;
  /// Adds to a counter.
  void add(std::size_t shard, Family family, std::span<const std::string_view> labels, std::uint64_t by = 1);
  /// Notes a duration in a histogram.
  void observe(std::size_t shard, Family family, std::span<const std::string_view> labels,
               std::uint64_t nanoseconds);
  std::uint64_t dropped_series() const noexcept { return dropped_.load(std::memory_order_relaxed); }
  std::size_t series() const noexcept { return series_.load(std::memory_order_relaxed); }
  /// One series of one shard as it stands.
  struct Reading {
    std::string_view labels;  // `server="a",outcome="ok"`
    std::uint64_t count = 0;
    std::span<const std::uint64_t> buckets;  // of a histogram: by bounds(), not added up
  };
  /// Shows every series of a family; the same labels come once for each shard that counted. Any thread.
  void read(Family family, const std::function<void(const Reading&)>& each) const;
  /// The upper bounds of a histogram's buckets, in seconds; none: a counter.
  static std::span<const double> bounds(Family family) noexcept;
  /// The whole page. `read`: what is read now.
  std::string expose(bool openmetrics, const std::vector<ReadFamily>& read) const;

 private:
  struct Sheet;
  Series& find(Sheet& sheet, Family family, std::span<const std::string_view> labels);

  std::vector<std::unique_ptr<Sheet>> sheets_;
  std::atomic<std::size_t> series_{0};
  std::atomic<std::uint64_t> dropped_{0};
};

/// Appends `name="value"` with the value escaped.
void append_label(std::string& out, std::string_view name, std::string_view value);
/// The value of the label `name` among `name="value",...`, as it is escaped there; empty: none.
std::string_view label_of(std::string_view labels, std::string_view name) noexcept;
/// The process's own figures: CPU, memory, descriptors, threads, start time.
std::vector<ReadFamily> process_families();
/// True if an Accept header wants OpenMetrics.
bool wants_openmetrics(std::string_view accept) noexcept;

}  // namespace weir
