#include "resilience/breaker.h"

#include <gtest/gtest.h>

#include <array>
#include <atomic>
#include <thread>
#include <vector>

namespace weir {
namespace {

using std::chrono::milliseconds;
using std::chrono::seconds;
using Event = Breaker::Event;

struct BreakerTest : testing::Test {
  TimePoint now{std::chrono::hours(1)};
  std::vector<Event> events;
  Breaker breaker{{3, 3}, [this](Event event) { events.push_back(event); }};
};

TEST_F(BreakerTest, ClosedItNeedsNoPermit) {
  EXPECT_TRUE(breaker.closed());
  EXPECT_FALSE(breaker.enter(now));
  EXPECT_EQ(breaker.tried_from(), kForever);
  EXPECT_TRUE(events.empty());
}

TEST_F(BreakerTest, OpenNobodyGetsInBeforeItIsTime) {
  EXPECT_TRUE(breaker.open(now + seconds(1)));
  EXPECT_FALSE(breaker.open(now + seconds(1)));
  EXPECT_FALSE(breaker.closed());
  EXPECT_EQ(breaker.tried_from(), now + seconds(1));
  EXPECT_FALSE(breaker.enter(now));
  EXPECT_FALSE(breaker.enter(now + milliseconds(999)));
  Breaker::Permit permit = breaker.enter(now + seconds(1));
  EXPECT_TRUE(permit);
  EXPECT_EQ(breaker.state(), BreakerState::half_open);
  EXPECT_EQ(events, std::vector<Event>{Event::tried});
}

TEST_F(BreakerTest, OpenForGoodUntilTheJudgeHalfOpensIt) {
  breaker.open(kForever);
  EXPECT_FALSE(breaker.enter(now + std::chrono::hours(10'000)));
  EXPECT_TRUE(breaker.half_open(false));
  EXPECT_TRUE(breaker.enter(now));
}

TEST_F(BreakerTest, HalfOpenCountsCallsUnderWay) {
  breaker.half_open(false);
  std::array<Breaker::Permit, 3> three{breaker.enter(now), breaker.enter(now), breaker.enter(now)};
  EXPECT_FALSE(breaker.enter(now));
  three[1].end(TrialOutcome::none);
  three[1].end(TrialOutcome::bad);  // it is given back already
  EXPECT_EQ(breaker.word().permits, 2);
  EXPECT_TRUE(breaker.enter(now));  // and given back by itself
  EXPECT_EQ(breaker.word().permits, 2);
  EXPECT_EQ(events, (std::vector<Event>{Event::none, Event::none}));
}

TEST_F(BreakerTest, EnoughGoodOnesProveItAndTheJudgeCloses) {
  breaker.open(now);
  for (int i = 0; i < 3; ++i) breaker.enter(now).end(TrialOutcome::good);
  EXPECT_EQ(events, (std::vector<Event>{Event::tried, Event::good, Event::good, Event::proved}));
  EXPECT_TRUE(breaker.proved());
  EXPECT_EQ(breaker.state(), BreakerState::half_open);
  EXPECT_TRUE(breaker.close(true));
  EXPECT_TRUE(breaker.closed());
}

TEST_F(BreakerTest, ACallThatSaysNothingBreaksNoRow) {
  breaker.half_open(false);
  breaker.enter(now).end(TrialOutcome::good);
  breaker.enter(now).end(TrialOutcome::none);
  breaker.enter(now).end(TrialOutcome::good);
  EXPECT_FALSE(breaker.proved());
  EXPECT_FALSE(breaker.close(true));
  breaker.enter(now).end(TrialOutcome::good);
  EXPECT_TRUE(breaker.proved());
}

TEST_F(BreakerTest, OneBadOneOpensAndOnlyTheJudgeGoesOn) {
  breaker.half_open(false);
  Breaker::Permit other = breaker.enter(now);
  breaker.enter(now).end(TrialOutcome::bad);
  EXPECT_EQ(breaker.state(), BreakerState::open);
  EXPECT_FALSE(breaker.enter(now + seconds(1000)));
  // What it decided on older evidence does not undo it.
  EXPECT_FALSE(breaker.close(false));
  EXPECT_FALSE(breaker.close(true));
  EXPECT_FALSE(breaker.half_open(false));
  EXPECT_FALSE(breaker.half_open(true));
  EXPECT_FALSE(breaker.open(now));
  EXPECT_TRUE(breaker.take_note());
  EXPECT_FALSE(breaker.take_note());
  EXPECT_TRUE(breaker.open(now + seconds(2)));
  EXPECT_EQ(breaker.tried_from(), now + seconds(2));
}

TEST_F(BreakerTest, PermitsOfAnOlderGenerationChangeNothing) {
  breaker.half_open(false);
  std::vector<Breaker::Permit> old;
  for (int i = 0; i < 3; ++i) old.push_back(breaker.enter(now));
  breaker.open(now);
  Breaker::Permit first = breaker.enter(now);
  ASSERT_TRUE(first);
  events.clear();
  old[0].end(TrialOutcome::bad);
  old[1].end(TrialOutcome::good);
  old[2].end(TrialOutcome::none);
  EXPECT_TRUE(events.empty());
  EXPECT_EQ(breaker.word().permits, 1);
  EXPECT_EQ(breaker.word().successes, 0);
  EXPECT_EQ(breaker.state(), BreakerState::half_open);
}

TEST_F(BreakerTest, AllPermitsAreHadAnewFromWhoNeverGivesThemBack) {
  breaker.half_open(false);
  breaker.enter(now).end(TrialOutcome::good);
  std::vector<Breaker::Permit> hung;
  for (int i = 0; i < 3; ++i) hung.push_back(breaker.enter(now));
  EXPECT_FALSE(breaker.half_open(false));
  EXPECT_FALSE(breaker.enter(now));
  EXPECT_TRUE(breaker.half_open(true));
  EXPECT_EQ(breaker.word().successes, 1);
  EXPECT_TRUE(breaker.enter(now));
  hung.clear();
  EXPECT_EQ(breaker.word().permits, 0);
}

TEST_F(BreakerTest, WordsSurvivePacking) {
  for (const BreakerState state : {BreakerState::closed, BreakerState::open, BreakerState::half_open}) {
    BreakerWord word;
    word.state = state;
    word.generation = 16383;
    if (state == BreakerState::open) word.at = BreakerWord::kNever;
    if (state == BreakerState::half_open) word.permits = 100, word.successes = 10'000;
    EXPECT_EQ(BreakerWord::unpack(word.pack()), word);
  }
}

// Threads come and go while a judge moves it about: never too many are in, and none is left.
TEST(BreakerThreads, PermitsNeverExceedAndReturnToNone) {
  const TimePoint now{std::chrono::hours(1)};
  std::atomic<int> bad{0};
  Breaker breaker({3, 1'000'000}, [&](Breaker::Event event) {
    if (event == Breaker::Event::bad) bad.fetch_add(1);
  });
  std::atomic<std::uint64_t> inside{0};  // generation << 32 | how many of it: of the latest
  std::atomic<bool> stop{false};
  std::atomic<std::uint64_t> entered{0};
  std::vector<std::thread> threads;
  for (int t = 0; t < 3; ++t)
    threads.emplace_back([&, t] {
      std::uint64_t n = static_cast<std::uint64_t>(t);
      while (!stop.load()) {
        Breaker::Permit permit = breaker.enter(now);
        if (breaker.word().permits > 3) inside.fetch_add(1);
        if (!permit) continue;
        entered.fetch_add(1);
        n = n * 6364136223846793005U + 1442695040888963407U;
        if (n >> 60 == 0) permit.end(TrialOutcome::bad);
        if (n >> 60 > 8) permit.end(TrialOutcome::good);
      }
    });
  int noted = 0;
  for (int i = 0; entered.load() < 20'000; ++i) {
    if (breaker.take_note()) ++noted;
    if (i % 3 == 0) breaker.open(now);
    if (i % 5 == 0) breaker.half_open(i % 2 == 0);
    if (i % 7 == 0) breaker.close(false);
    if (breaker.closed()) breaker.open(now);
  }
  stop.store(true);
  for (std::thread& thread : threads) thread.join();
  if (breaker.take_note()) ++noted;
  EXPECT_EQ(noted, bad.load());
  EXPECT_EQ(inside.load(), 0u);
  breaker.half_open(false);
  EXPECT_EQ(breaker.word().permits, 0);
}

}  // namespace
}  // namespace weir
