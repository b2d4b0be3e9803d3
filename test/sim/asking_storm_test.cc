// The bridges between the eras in storms. A failure prints its seed; WEIR_SEED=N runs that storm alone.
#include "sim/asking_storm.h"

#include <gtest/gtest.h>

#include <cstdio>
#include <cstdlib>

namespace weir {
namespace {

sim::AskReport storms(std::uint64_t count, bool abrupt) {
  std::uint64_t first = 1;
  if (const char* one = std::getenv("WEIR_SEED")) {
    first = std::strtoull(one, nullptr, 10);
    count = 1;
  } else if (const char* more = std::getenv("WEIR_SEEDS")) {
    count = std::strtoull(more, nullptr, 10);
  }
  sim::AskReport all;
  for (std::uint64_t seed = first; seed < first + count && !testing::Test::HasFailure(); ++seed) {
    sim::AskingStorm storm(seed, abrupt);
    const sim::AskReport one = storm.run();
    for (const std::string& violation : one.tally.violations)
      ADD_FAILURE() << "seed " << seed << ": " << violation;
    all.tally.asked += one.tally.asked;
    all.tally.results += one.tally.results;
    all.tally.questions += one.tally.questions;
    all.tally.parked += one.tally.parked;
    for (const auto& [reason, times] : one.tally.reasons) all.tally.reasons[reason] += times;
    all.questions += one.questions;
    all.answers += one.answers;
  }
  std::printf("  %d calls, %d results, %d questions of servers, %d seen by clients, %d answers, %d parked\n",
              all.tally.asked, all.tally.results, all.questions, all.tally.questions, all.answers,
              all.tally.parked);
  for (const auto& [reason, times] : all.tally.reasons) std::printf("  %6d %s\n", times, reason.c_str());
  return all;
}

TEST(AskingStorm, EveryQuestionReachesItsAskerAndNoOther) {
  const sim::AskReport all = storms(20, false);
  if (std::getenv("WEIR_SEED") != nullptr) return;
  EXPECT_GT(all.tally.results, all.tally.asked / 4);
  EXPECT_GT(all.answers, all.questions / 4);
  EXPECT_GT(all.tally.parked, 100);
}

TEST(AskingStorm, ClosingInTheMiddleLeavesNothingParked) { storms(20, true); }

}  // namespace
}  // namespace weir
