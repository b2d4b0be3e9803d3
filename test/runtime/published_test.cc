#include "runtime/published.h"

#include <gtest/gtest.h>

#include <thread>
#include <vector>

namespace weir {
namespace {

struct Pair {
  explicit Pair(int value) : first(value), second(-value) {}
  int first;
  int second;
};

TEST(Published, ReadersSeeWholeSnapshotsThatOnlyGrow) {
  Published<Pair> published(std::make_shared<const Pair>(0));
  std::atomic<bool> torn = false;
  std::vector<std::thread> readers;
  for (int i = 0; i < 3; ++i) {
    readers.emplace_back([&] {
      Published<Pair>::Reader reader(published);
      int last = 0;
      while (last < 20000) {
        const auto snapshot = reader.get();
        if (snapshot->first != -snapshot->second || snapshot->first < last) torn = true;
        last = snapshot->first;
      }
    });
  }
  for (int value = 1; value <= 20000; ++value) published.publish(std::make_shared<const Pair>(value));
  for (std::thread& reader : readers) reader.join();
  EXPECT_FALSE(torn);
}

TEST(Published, TheOldSnapshotDiesWithItsLastReader) {
  auto first = std::make_shared<const Pair>(1);
  const std::weak_ptr<const Pair> watch = first;
  Published<Pair> published(std::move(first));
  Published<Pair>::Reader reader(published);
  const auto held = std::make_unique<std::shared_ptr<const Pair>>(reader.get());
  published.publish(std::make_shared<const Pair>(2));
  EXPECT_EQ(reader.get()->first, 2);
  EXPECT_FALSE(watch.expired());
  held->reset();
  EXPECT_TRUE(watch.expired());
}

}  // namespace
}  // namespace weir
