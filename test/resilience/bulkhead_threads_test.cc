// One bulkhead before calls of several real threads, while its limits change: for the thread sanitizer, too.
#include <gtest/gtest.h>

#include <atomic>
#include <thread>
#include <vector>

#include "resilience/bulkhead.h"
#include "runtime/epoll_loop.h"
#include "runtime/hop.h"
#include "runtime/nursery.h"

namespace weir {
namespace {

constexpr std::size_t kShards = 4;
constexpr int kLanes = 8;  // of each shard
constexpr int kCalls = 60;
constexpr int kWidest = 6;

class NoChoice final : public EndpointChoice {
 public:
  bool has_another(const Call&) const override { return false; }
  Random& chance() override { return random_; }

 private:
  Random random_{1};
};

// Takes a moment for each call, and looks at how many there are.
class Crossing final : public Service {
 public:
  Task<Result<Reply>> call(Call& call) override { return cross(call); }
  std::string describe() const override { return "crossing"; }
  std::atomic<int> served{0}, crowded{0};

 private:
  Task<Result<Reply>> cross(Call& call) {
    if (here_.fetch_add(1) >= kWidest) crowded.fetch_add(1);
    Shard& shard = Shard::current();
    Waiter again;
    for (int turns = 0; turns < 3; ++turns) {
      shard.post([&again] { again.wake(); });
      co_await again.wait(kForever, nullptr);
    }
    here_.fetch_sub(1);
    if (served.fetch_add(1) % 7 == 0) {
      call.permit->pause();
      shard.post([&again] { again.wake(); });
      co_await again.wait(kForever, nullptr);
      call.permit->resume();
    }
    Reply reply;
    reply.first.last = true;
    co_return reply;
  }
  std::atomic<int> here_{0};
};

Task<void> lane(Bulkhead& bulkhead, std::string client, std::atomic<int>& ok) {
  const auto message = Message::index(
      Bytes::copy_of(R"({"jsonrpc":"2.0","id":1,"method":"tools/call","params":{"name":"x"}})"), JsonLimits(),
      Message::From::client);
  for (int i = 0; i < kCalls; ++i) {
    CancelScope scope;
    Call call(*message, *find_method("tools/call"), scope);
    call.client.identity = client;
    call.priority = static_cast<Priority>(i % 3);
    if (i % 5 == 4) scope.cancel();
    const Result<Reply> reply = co_await bulkhead.call(call);
    if (reply) ok.fetch_add(1);
  }
}

Task<void> lanes(Bulkhead& bulkhead, std::size_t shard, std::atomic<int>& ok, EpollShard& own) {
  Nursery all;
  for (int i = 0; i < kLanes; ++i) all.start(lane(bulkhead, "client" + std::to_string((shard + i) % 5), ok));
  co_await all.join();
  own.stop();
}

TEST(BulkheadThreads, PermitsPassFromThreadToThreadAndComeBack) {
  NoChoice choice;
  ServerPolicies policies(choice);
  BulkheadConfig config;
  config.max_concurrent = kWidest / 2;
  config.max_queue = 1000;
  config.queue_timeout = std::chrono::hours(1);
  config.client_share = 0.7;
  const ToolLimits tools{{"x", kWidest}};
  policies.admission.configure(config, tools);
  auto crossing = std::make_unique<Crossing>();
  Crossing& server = *crossing;
  Bulkhead bulkhead(std::move(crossing), config, tools, policies);
  std::atomic<int> ok{0};
  std::vector<std::unique_ptr<EpollShard>> shards;
  for (std::size_t i = 0; i < kShards; ++i) shards.push_back(std::make_unique<EpollShard>(i));
  for (std::size_t i = 0; i < kShards; ++i)
    shards[i]->shard().post([&, i] { start_detached(lanes(bulkhead, i, ok, *shards[i])); });
  std::vector<std::thread> threads;
  for (auto& shard : shards) threads.emplace_back([&shard] { shard->run(); });
  EpollShard control(kShards);
  for (int i = 0; i < 200; ++i) {
    config.max_concurrent = i % 2 == 0 ? kWidest : kWidest / 2;
    control.shard().turn([&] { policies.admission.configure(config, tools); });
    std::this_thread::yield();
  }
  for (std::thread& thread : threads) thread.join();
  // Who was cancelled before may have been let in: then it is served like any other.
  EXPECT_GE(ok.load(), static_cast<int>(kShards) * kLanes * kCalls * 4 / 5);
  EXPECT_EQ(ok.load(), server.served.load());
  EXPECT_EQ(server.crowded.load(), 0);
  EXPECT_EQ(policies.admission.in_flight(), 0u);
  EXPECT_EQ(policies.admission.queued(), 0u);
  for (int i = 0; i < 5; ++i)
    EXPECT_EQ(policies.admission.in_flight_of(policies.admission.client_of("client" + std::to_string(i))),
              0u);
  EXPECT_EQ(policies.admission.tool("x")->in_flight.load(), 0u);
}

}  // namespace
}  // namespace weir
