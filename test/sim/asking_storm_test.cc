// The bridges between the eras in storms. A failure prints its seed; WEIR_SEED=N runs that storm alone.
#include "sim/asking_storm.h"

#include <gtest/gtest.h>

#include <cstdio>

#include "sim/seeds.h"

namespace weir {
namespace {

sim::AskReport storms(std::uint64_t count, bool abrupt) {
  sim::AskReport all;
  for (const std::uint64_t seed : sim::seeds(count)) {
    if (testing::Test::HasFailure()) break;
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
