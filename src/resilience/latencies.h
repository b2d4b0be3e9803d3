// How long calls of each kind take at a server, as percentiles of the last thousand or so: what says when an
// answer is late. A fixed table, filled as kinds are seen; of more kinds than it holds nothing is known. Any
// shard, no lock: of samples that come at the same moment one may be lost.
// Source: R15; HdrHistogram: four buckets an octave, so that a percentile is off by a tenth at most.
#pragma once

#include <array>
#include <atomic>
#include <cstddef>
#include <cstdint>
#include <memory>
#include <optional>

#include "runtime/time.h"

namespace weir {

class Latencies {
 public:
  Latencies() = default;
  ~Latencies();
  Latencies(const Latencies&) = delete;
  Latencies& operator=(const Latencies&) = delete;

  /// What is kept of one kind.
  struct Known {
    Duration watched;  // the percentile of watch()
    Duration p99;
  };
  /// Which percentile is kept besides the 99th, from the next samples on; of [50, 99].
  void watch(unsigned percentile) noexcept { watched_.store(percentile, std::memory_order_relaxed); }
  /// A call of this kind was answered whole after `took`.
  void note(std::uint64_t kind, Duration took) noexcept;
  /// Nothing: fewer than kLeast calls were seen.
  std::optional<Known> find(std::uint64_t kind) const noexcept;

  /// Samples that make a percentile worth anything.
  static constexpr std::uint32_t kLeast = 50;

 private:
  struct Kind;
  Kind* look_up(std::uint64_t kind) const noexcept;
  Kind* make(std::uint64_t kind) noexcept;
  void refresh(Kind& of) noexcept;

  static constexpr std::size_t kKinds = 128;
  std::array<std::atomic<Kind*>, kKinds> kinds_{};
  std::atomic<unsigned> watched_{95};
};

}  // namespace weir
