// Signals and file changes over the real loop.
#include <gtest/gtest.h>
#include <signal.h>
#include <unistd.h>

#include <filesystem>
#include <fstream>

#include "runtime/asio_loop.h"
#include "runtime/file_watch.h"
#include "runtime/nursery.h"
#include "runtime/signals.h"

namespace weir {
namespace {

namespace fs = std::filesystem;
using std::chrono::milliseconds;

class Folder {
 public:
  Folder() : path(fs::path(::testing::TempDir()) / ("weir_watch_" + std::to_string(::getpid()))) {
    fs::remove_all(path);
    fs::create_directories(path / "a");
    fs::create_directories(path / "b");
  }
  ~Folder() { fs::remove_all(path); }
  void write(const char* name, const char* text) const { std::ofstream(path / name) << text; }
  fs::path path;
};

// Runs `task` on a real shard to its end.
template <class F>
void on_shard(F task) {
  AsioShard shard(0);
  Nursery nursery;
  shard.shard().post([&] {
    nursery.start([](F& work, AsioShard& s) -> Task<void> {
      co_await work();
      s.stop();
    }(task, shard));
  });
  shard.run();
}

Task<bool> changes(FileWatch& watch, std::function<void()> action) {
  action();
  CancelScope cancel;
  const Result<void> seen = co_await watch.next(milliseconds(1), cancel);
  co_return seen.has_value();
}

Task<void> watch_all(const Folder& folder) {
  Network& network = Shard::current().network();
  Result<std::unique_ptr<FileWatch>> watch = FileWatch::start(network, (folder.path / "weir.yaml").string());
  EXPECT_TRUE(watch.has_value());
  if (!watch) co_return;
  std::function<void()> action = [&] { folder.write("weir.yaml", "in place"); };
  EXPECT_TRUE(co_await changes(**watch, action));
  action = [&] {
    folder.write("other", "x");  // alone it would not end the wait
    folder.write("tmp", "renamed over");
    fs::rename(folder.path / "tmp", folder.path / "weir.yaml");
  };
  EXPECT_TRUE(co_await changes(**watch, action));
  action = [&] {
    folder.write("a/weir.yaml", "a");
    folder.write("b/weir.yaml", "b");
    fs::remove(folder.path / "weir.yaml");
    fs::create_symlink("a/weir.yaml", folder.path / "weir.yaml");
  };
  EXPECT_TRUE(co_await changes(**watch, action));
  action = [&] { folder.write("a/weir.yaml", "behind the link"); };
  EXPECT_TRUE(co_await changes(**watch, action));
  action = [&] {
    fs::create_symlink("b/weir.yaml", folder.path / "swap");
    fs::rename(folder.path / "swap", folder.path / "weir.yaml");
  };
  EXPECT_TRUE(co_await changes(**watch, action));
  action = [&] { folder.write("b/weir.yaml", "behind the new link"); };
  EXPECT_TRUE(co_await changes(**watch, action));
}

Task<void> ignore_others(const Folder& folder) {
  Result<std::unique_ptr<FileWatch>> watch =
      FileWatch::start(Shard::current().network(), (folder.path / "weir.yaml").string());
  folder.write("other.yaml", "x");
  CancelScope cancel;
  Nursery nursery;
  nursery.start([](CancelScope& scope) -> Task<void> {
    (void)co_await Sleep(Shard::current().now() + milliseconds(30), nullptr);
    scope.cancel();
  }(cancel));
  const Result<void> seen = co_await (*watch)->next(milliseconds(1), cancel);
  EXPECT_FALSE(seen.has_value());
  co_await nursery.join();
}

TEST(FileWatch, SeesWritesRenamesAndSwappedLinks) {
  const Folder folder;
  folder.write("weir.yaml", "first");
  on_shard([&] { return watch_all(folder); });
}

TEST(FileWatch, IgnoresTheNeighbours) {
  const Folder folder;
  folder.write("weir.yaml", "first");
  on_shard([&] { return ignore_others(folder); });
}

Task<void> take_two() {
  Result<std::unique_ptr<Signals>> signals = Signals::take(Shard::current().network(), {SIGUSR1, SIGUSR2});
  CancelScope cancel;
  ::kill(::getpid(), SIGUSR2);
  const Result<int> first = co_await (*signals)->next(cancel);
  EXPECT_EQ(first.value_or(0), SIGUSR2);
  ::kill(::getpid(), SIGUSR1);
  const Result<int> second = co_await (*signals)->next(cancel);
  EXPECT_EQ(second.value_or(0), SIGUSR1);
}

TEST(Signals, ComeAsValues) {
  block_signals({SIGUSR1, SIGUSR2});
  on_shard([] { return take_two(); });
}

}  // namespace
}  // namespace weir
