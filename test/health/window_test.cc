#include "health/window.h"

#include <gtest/gtest.h>

#include <deque>
#include <random>
#include <thread>
#include <vector>

namespace weir {
namespace {

using std::chrono::milliseconds;
using std::chrono::seconds;

constexpr TimePoint kStart{std::chrono::hours(100)};

TEST(Window, CountsWhatIsInTheLastTenSlices) {
  Window window(seconds(10));
  window.succeeded(kStart);
  window.failed(Fault::reset, kStart + seconds(4));
  EXPECT_EQ(window.read(kStart + seconds(9)).succeeded, 1u);
  EXPECT_EQ(window.read(kStart + seconds(9)).failed, 1u);
  EXPECT_EQ(window.read(kStart + seconds(10)).succeeded, 0u);
  EXPECT_EQ(window.read(kStart + seconds(10)).failed, 1u);
  EXPECT_EQ(window.read(kStart + seconds(14)).failed, 0u);
}

TEST(Window, AStaleBucketIsReplacedNotAddedTo) {
  Window window(seconds(10));
  for (int i = 0; i < 7; ++i) window.failed(Fault::timeout, kStart);
  window.failed(Fault::timeout, kStart + seconds(10));  // the same bucket, one turn later
  EXPECT_EQ(window.read(kStart + seconds(10)).failed, 1u);
  window.succeeded(kStart + std::chrono::hours(1000));
  EXPECT_EQ(window.read(kStart + std::chrono::hours(1000)).succeeded, 1u);
  EXPECT_EQ(window.read(kStart + std::chrono::hours(1000)).failed, 0u);
}

TEST(Window, IsExactlyWhatASlowCountSays) {
  std::mt19937_64 random(11);
  for (const milliseconds span : {milliseconds(100), milliseconds(1000), milliseconds(10000)}) {
    Window window(span);
    std::deque<std::pair<TimePoint, bool>> all;
    TimePoint now{};  // virtual time may begin at the clock's epoch
    const Duration width = span / 10;
    for (int i = 0; i < 5000; ++i) {
      now += std::chrono::microseconds(random() % (static_cast<std::uint64_t>(span.count()) * 50));
      if (random() % 200 == 0) now += 3 * span;
      const bool good = random() % 3 != 0;
      good ? window.succeeded(now) : window.failed(Fault::reset, now);
      all.emplace_back(now, good);
      const auto first = now.time_since_epoch() / width - 9;
      while (all.front().first.time_since_epoch() / width < first) all.pop_front();
      std::uint32_t succeeded = 0;
      for (const auto& [at, was_good] : all) succeeded += was_good ? 1 : 0;
      const Window::Reading reading = window.read(now);
      ASSERT_EQ(reading.succeeded, succeeded) << i;
      ASSERT_EQ(reading.failed, all.size() - succeeded) << i;
    }
  }
}

TEST(Window, CountsFailuresInARowByKind) {
  Window window(seconds(10));
  window.failed(Fault::connect, kStart);
  window.failed(Fault::server_error, kStart);
  window.failed(Fault::wrong_id, kStart + milliseconds(1));
  Window::Reading reading = window.read(kStart);
  EXPECT_EQ(reading.in_a_row, 2u);
  EXPECT_EQ(reading.in_a_row_5xx, 1u);
  EXPECT_EQ(reading.last, Fault::wrong_id);
  EXPECT_EQ(reading.last_failure, kStart + milliseconds(1));
  EXPECT_EQ(reading.last_success, TimePoint{});
  window.succeeded(kStart + milliseconds(2));
  reading = window.read(kStart + milliseconds(2));
  EXPECT_EQ(reading.in_a_row, 0u);
  EXPECT_EQ(reading.in_a_row_5xx, 0u);
  EXPECT_EQ(reading.failed, 3u);
  EXPECT_EQ(reading.last_success, kStart + milliseconds(2));
}

TEST(Window, ARowOutlivesTheWindow) {
  Window window(seconds(1));
  window.failed(Fault::reset, kStart);
  window.failed(Fault::reset, kStart + seconds(60));
  EXPECT_EQ(window.read(kStart + seconds(60)).in_a_row, 2u);
  EXPECT_EQ(window.read(kStart + seconds(60)).failed, 1u);
}

TEST(Window, AClockThatLagsByAMomentIsCounted) {
  Window window(seconds(10));
  window.succeeded(kStart + seconds(1));
  window.succeeded(kStart);  // another shard reads its clock less often
  EXPECT_EQ(window.read(kStart).succeeded, 2u);
  EXPECT_EQ(window.read(kStart + seconds(1)).succeeded, 2u);
  EXPECT_EQ(window.read(kStart + seconds(1)).last_success, kStart + seconds(1));
  window.succeeded(kStart - seconds(9));  // before the window of whoever has gone on: of no use
  EXPECT_EQ(window.read(kStart + seconds(1)).succeeded, 2u);
}

TEST(Window, ClearForgetsAll) {
  Window window(seconds(10));
  window.succeeded(kStart);
  window.failed(Fault::timeout, kStart);
  window.failed(Fault::server_error, kStart);
  window.clear();
  const Window::Reading reading = window.read(kStart);
  EXPECT_EQ(reading.succeeded + reading.failed + reading.in_a_row + reading.in_a_row_5xx, 0u);
  EXPECT_EQ(reading.last_success, TimePoint{});
  EXPECT_EQ(reading.last_failure, TimePoint{});
  window.failed(Fault::timeout, kStart);
  EXPECT_EQ(window.read(kStart).failed, 1u);
}

TEST(Window, SeveralThreadsCountExactly) {
  constexpr int kThreads = 4;
  constexpr int kSlices = 300;
  constexpr int kEach = 10;
  Window window(seconds(10));
  // Each turn all threads come to a new slice at once, where a bucket ten slices old is to be replaced.
  std::atomic<int> turn{-1};
  std::atomic<int> done{0};
  std::vector<std::thread> threads;
  for (int t = 0; t < kThreads; ++t)
    threads.emplace_back([&] {
      for (int i = 0; i < kSlices; ++i) {
        while (turn.load() < i) std::this_thread::yield();
        const TimePoint now = kStart + seconds(i);
        for (int n = 0; n < kEach; ++n) {
          window.succeeded(now);
          window.failed(Fault::server_error, now);
        }
        done.fetch_add(1);
      }
    });
  int wrong = 0;
  for (int i = 0; i < kSlices; ++i) {
    turn.store(i);
    while (done.load() < kThreads * (i + 1)) std::this_thread::yield();
    const Window::Reading reading = window.read(kStart + seconds(i));
    const auto wanted = static_cast<std::uint32_t>(kThreads * kEach * std::min(i + 1, 10));
    if (reading.succeeded != wanted || reading.failed != wanted) ++wrong;
  }
  for (std::thread& thread : threads) thread.join();
  EXPECT_EQ(wrong, 0);
}

TEST(Window, SeveralThreadsCountARowExactly) {
  Window window(seconds(10));
  std::vector<std::thread> threads;
  for (int t = 0; t < 4; ++t)
    threads.emplace_back([&window, t] {
      for (int i = 0; i < 20000; ++i) window.failed(t % 2 ? Fault::server_error : Fault::reset, kStart);
    });
  for (std::thread& thread : threads) thread.join();
  EXPECT_EQ(window.read(kStart).in_a_row, 40000u);
  EXPECT_EQ(window.read(kStart).in_a_row_5xx, 40000u);
  EXPECT_EQ(window.read(kStart).failed, 80000u);
}

TEST(Fault, EachHasItsName) {
  EXPECT_EQ(to_string(Fault::connect), "connect");
  EXPECT_EQ(to_string(Fault::timeout), "timeout");
  EXPECT_EQ(to_string(Fault::reset), "reset");
  EXPECT_EQ(to_string(Fault::server_error), "server_error");
  EXPECT_EQ(to_string(Fault::protocol), "protocol");
  EXPECT_EQ(to_string(Fault::wrong_id), "wrong_id");
}

}  // namespace
}  // namespace weir
