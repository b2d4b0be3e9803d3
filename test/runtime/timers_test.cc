#include "runtime/timers.h"

#include <gtest/gtest.h>

#include <deque>
#include <random>
#include <vector>

namespace weir {
namespace {

using std::chrono::milliseconds;

struct Probe : TimerEntry {
  explicit Probe(std::vector<Probe*>& log) : TimerEntry(&Probe::on_fire), fired(log) {}
  static void on_fire(TimerEntry& entry) noexcept {
    auto& self = static_cast<Probe&>(entry);
    self.fired.push_back(&self);
  }
  std::vector<Probe*>& fired;
  TimePoint deadline;
};

TEST(Timers, FireNeitherEarlyNorLateNorOutOfOrder) {
  std::mt19937_64 random(7);
  const TimePoint start{};
  Timers timers(start);
  std::vector<Probe*> fired;
  std::deque<Probe> probes;
  TimePoint now = start;
  std::size_t removed = 0;
  for (int round = 0; round < 3000; ++round) {
    for (int i = 0; i < 5; ++i) {
      Probe& probe = probes.emplace_back(fired);
      // From below a millisecond to some months.
      const int bits = static_cast<int>(random() % 33);
      probe.deadline = now + std::chrono::microseconds(random() % ((std::uint64_t{1} << bits) * 1000));
      timers.add(probe, probe.deadline);
    }
    Probe& victim = probes[random() % probes.size()];
    if (victim.linked()) {
      timers.remove(victim);
      ++removed;
    }
    const TimePoint before = now;
    now += milliseconds(random() % ((std::uint64_t{1} << (random() % 20))));
    fired.clear();
    timers.advance(now);
    TimePoint last = before;
    for (Probe* probe : fired) {
      ASSERT_LE(probe->deadline, now);
      const TimePoint tick = std::chrono::ceil<milliseconds>(probe->deadline);
      ASSERT_GE(tick + milliseconds(1), last);
      last = std::max(last, tick);
    }
    for (Probe& probe : probes) {
      if (probe.linked()) {
        ASSERT_GT(std::chrono::ceil<milliseconds>(probe.deadline), now - milliseconds(1));
      }
    }
  }
  EXPECT_GT(removed, 100u);
}

TEST(Timers, NextEventLeadsToTheEarliest) {
  const TimePoint start{};
  Timers timers(start);
  std::vector<Probe*> fired;
  EXPECT_EQ(timers.next_event(), kForever);
  Probe probe(fired);
  timers.add(probe, start + std::chrono::hours(30));
  int steps = 0;
  while (fired.empty()) {
    const TimePoint next = timers.next_event();
    ASSERT_NE(next, kForever);
    timers.advance(next);
    ASSERT_LT(++steps, 10);
  }
  EXPECT_EQ(timers.next_event(), kForever);
}

}  // namespace
}  // namespace weir
