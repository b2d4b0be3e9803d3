// Signals and file changes over the real loop.
#include <gtest/gtest.h>
#include <signal.h>
#include <unistd.h>

#include <filesystem>
#include <fstream>

#include "runtime/epoll_loop.h"
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
  EpollShard shard(0);
  Nursery nursery;
  shard.shard().post([&] {
    nursery.start([](F& work, EpollShard& s) -> Task<void> {
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

namespace weir {
namespace {

Task<void> look_up_names() {
  CancelScope cancel;
  Network& network = Shard::current().network();
  const TimePoint deadline = Shard::current().now() + std::chrono::seconds(20);
  const Result<std::vector<SocketAddress>> local =
      co_await network.resolve("localhost", 81, deadline, cancel);
  EXPECT_TRUE(local.has_value());
  if (local) {
    const bool loopback = local->front().host == "127.0.0.1" || local->front().host == "::1";
    EXPECT_TRUE(loopback) << local->front().host;
    EXPECT_EQ(local->front().port, 81);
  }
  const Result<std::vector<SocketAddress>> numeric = co_await network.resolve("::1", 82, deadline, cancel);
  EXPECT_TRUE(numeric && numeric->front() == SocketAddress("::1", 82));
  // Nobody listens on port 1 of this machine.
  const Result<std::unique_ptr<Stream>> refused =
      co_await network.connect(SocketAddress("127.0.0.1", 1), deadline, cancel);
  EXPECT_FALSE(refused.has_value());
  if (!refused) {
    EXPECT_EQ(refused.error().kind(), Error::Kind::unreachable);
  }
}

TEST(Network, ResolvesNamesAndSaysWhoRefuses) {
  on_shard([] { return look_up_names(); });
}

}  // namespace
}  // namespace weir
