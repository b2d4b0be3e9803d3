// Events in storms. A failure prints its seed; WEIR_SEED=N runs that storm alone.
#include "sim/listening_storm.h"

#include <gtest/gtest.h>

#include <cstdio>

#include "sim/seeds.h"

namespace weir {
namespace {

sim::HearReport storms(std::uint64_t count, bool abrupt) {
  sim::HearReport all;
  for (const std::uint64_t seed : sim::seeds(count)) {
    sim::ListeningStorm storm(seed, abrupt);
    const sim::HearReport one = storm.run();
    for (const std::string& violation : one.tally.violations)
      ADD_FAILURE() << "seed " << seed << ": " << violation;
    if (testing::Test::HasFailure()) break;
    all.tally.listens += one.tally.listens;
    all.tally.lists += one.tally.lists;
    all.tally.updates += one.tally.updates;
    all.tally.cuts += one.tally.cuts;
    all.told += one.told;
    all.promises += one.promises;
  }
  std::printf(
      "  %d listens, %d cut, %d events of servers, %d changes of lists and %d updates heard, %d promises "
      "kept\n",
      all.tally.listens, all.tally.cuts, all.told, all.tally.lists, all.tally.updates, all.promises);
  return all;
}

TEST(ListeningStorm, ListenersHearWhatTheyWerePromisedAndNothingElse) {
  const sim::HearReport all = storms(20, false);
  if (std::getenv("WEIR_SEED") != nullptr) return;
  EXPECT_GT(all.tally.updates, all.tally.listens);
  EXPECT_GT(all.tally.lists, all.tally.listens / 4);
  EXPECT_GT(all.promises, 0);
}

TEST(ListeningStorm, ClosingInTheMiddleEndsEveryStream) { storms(20, true); }

}  // namespace
}  // namespace weir
