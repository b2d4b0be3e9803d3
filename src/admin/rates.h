// How much happened in the last seconds, from counts that only grow: rates, and percentiles of how long
// things took. Pure: time comes with each tally.
#pragma once

#include <array>
#include <cstdint>
#include <deque>
#include <map>
#include <span>
#include <string>
#include <string_view>

#include "runtime/time.h"

namespace weir {

/// How many things took how long: by bucket, the last one for what took longer than all bounds.
using TimeCounts = std::array<std::uint64_t, 16>;

/// Counted so far, of one server or of the process.
struct Tally {
  using ByWord = std::map<std::string, std::uint64_t, std::less<>>;
  std::uint64_t requests = 0;
  std::uint64_t errors = 0;  // without the tools' own
  /// By outcome; refusals by reason.
  ByWord retries, hedges, fallbacks, rejected;
  TimeCounts took{};      // calls, from arrival to the answer's end
  TimeCounts overhead{};  // time spent in the gateway
};

/// The tallies of the last while.
class TallyWindow {
 public:
  /// How many are kept; a second apart, they are what is looked back on.
  static constexpr std::size_t kKept = 10;

  /// Takes the next one, later than those before.
  void add(TimePoint at, Tally tally);
  /// Appends the members of a JSON object, each after a comma: `rates` (a second; words that nothing happened
  /// for are left out) and, where something was timed, `latency` and `overhead` with `p50` and `p99` in
  /// milliseconds. Nothing before there are two tallies.
  void append(std::string& out, std::span<const double> took_bounds,
              std::span<const double> overhead_bounds) const;

 private:
  struct Kept {
    TimePoint at;
    Tally tally;
  };
  std::deque<Kept> kept_;
};

/// The time in seconds that the share `q` of what was counted did not exceed, between two bounds by
/// proportion; negative: nothing was counted. `counts` has one more than `bounds`: what exceeds the last
/// counts as the last.
double percentile(std::span<const std::uint64_t> counts, std::span<const double> bounds, double q) noexcept;

/// Appends a number with two decimals at most.
void append_rounded(std::string& out, double value);

}  // namespace weir
