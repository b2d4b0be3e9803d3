// The gateway in storms. A failure prints its seed; WEIR_SEED=N runs that storm alone.
#include "sim/storm.h"

#include <gtest/gtest.h>

#include <cstdio>
#include <cstdlib>

namespace weir {
namespace {

std::vector<std::uint64_t> seeds(std::uint64_t count) {
  std::vector<std::uint64_t> out;
  if (const char* one = std::getenv("WEIR_SEED")) {
    out.push_back(std::strtoull(one, nullptr, 10));
    return out;
  }
  if (const char* more = std::getenv("WEIR_SEEDS")) count = std::strtoull(more, nullptr, 10);
  for (std::uint64_t seed = 1; seed <= count; ++seed) out.push_back(seed);
  return out;
}

sim::StormReport storm(std::uint64_t seed, const sim::Storm::Options& options) {
  sim::Storm storm(seed, options);
  sim::StormReport report = storm.run();
  for (const std::string& violation : report.tally.violations)
    ADD_FAILURE() << "seed " << seed << ": " << violation;
  return report;
}

void print(const sim::StormReport& all) {
  std::printf("  %d asked, %d results, %d given up, %d garbage, %d progress, %zu reached a server\n",
              all.tally.asked, all.tally.results, all.tally.given_up, all.tally.garbage, all.tally.progress,
              all.calls_seen);
  for (const auto& [reason, times] : all.tally.reasons) std::printf("  %6d %s\n", times, reason.c_str());
  for (const auto& [act, times] : all.acts) std::printf("  %6d %s\n", times, act.c_str());
}

TEST(Storm, EveryCallGetsItsOwnAnswerOnceAndInTime) {
  sim::StormReport all;
  const std::vector<std::uint64_t> chosen = seeds(50);
  for (const std::uint64_t seed : chosen) {
    const sim::StormReport one = storm(seed, sim::Storm::Options());
    all.tally.asked += one.tally.asked;
    all.tally.results += one.tally.results;
    all.tally.given_up += one.tally.given_up;
    all.tally.garbage += one.tally.garbage;
    all.tally.progress += one.tally.progress;
    all.calls_seen += one.calls_seen;
    for (const auto& [reason, times] : one.tally.reasons) all.tally.reasons[reason] += times;
    for (const auto& [act, times] : one.acts) all.acts[act] += times;
    if (HasFailure()) break;
  }
  print(all);
}

}  // namespace
}  // namespace weir
