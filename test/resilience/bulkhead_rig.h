// A bulkhead before a server that takes as long for a call as it is told, on simulated shards.
#pragma once

#include <gtest/gtest.h>

#include <deque>
#include <map>
#include <set>
#include <string>
#include <vector>

#include "resilience/bulkhead.h"
#include "sim/sim_world.h"

namespace weir {

/// One call of a test.
struct Asked {
  std::string client = "a";  // empty: the gateway's own
  Duration hold = std::chrono::milliseconds(100);
  Priority priority = Priority::normal;
  std::string tool = "echo";             // as the client writes it, without quotes
  Duration patience{};                   // until its deadline; zero: none
  Duration cancelled{};                  // from its begin; zero: never
  std::pair<Duration, Duration> asks{};  // of its hold: when its client is asked, and for how long
};

/// What became of it: virtual time since the rig's begin.
struct Outcome {
  std::string what;  // "ok", or the kind of the error
  std::optional<Error> error;
  Duration begun{-1};  // at the server; negative: never
  Duration ended{};
  int times = 0;  // that it was answered
};

class BulkheadRig final : private EndpointChoice {
 public:
  explicit BulkheadRig(BulkheadConfig config, ToolLimits tools = {}, std::size_t shards = 2,
                       std::uint64_t seed = 1)
      : world(shards, seed), policies(*this), shards_(shards) {
    begin = world.now();
    reload(config, tools);
  }
  ~BulkheadRig() override {
    EXPECT_EQ(policies.admission.in_flight(), 0u);
    EXPECT_EQ(policies.admission.queued(), 0u);
    for (const std::string client : {"a", "b", "c"})
      EXPECT_EQ(policies.admission.in_flight_of(policies.admission.client_of(client)), 0u);
  }
  /// Makes a call at a time, on any of the shards in turn.
  void at(int ms, const std::string& id, Asked asked) {
    const std::size_t shard = next_++ % shards_;
    world.start(shard, [this, ms, id, asked] { return make(std::chrono::milliseconds(ms), id, asked); });
  }
  void reload_at(int ms, BulkheadConfig config, ToolLimits tools = {}) {
    world.at(begin + std::chrono::milliseconds(ms), world.shard(0),
             [this, config, tools] { reload(config, tools); });
  }
  bool run() { return world.run(); }
  std::uint64_t refused(Refused reason) const { return policies.counts.refusals.get(reason); }
  /// In milliseconds of the virtual clock.
  static Duration ms(int count) { return std::chrono::milliseconds(count); }

  sim::World world;
  ServerPolicies policies;
  TimePoint begin;
  std::map<std::string, Outcome> outcomes;
  std::vector<std::string> order;  // as calls came to the server
  std::set<std::string> running;   // at the server, and not waiting for their clients
  std::set<std::string> resumed;   // of these, who went on after that, room or not
  std::size_t most = 0;            // that were there at a time
  std::function<void(const std::string& id, const Asked&, Duration asked_at)> on_begin;

 private:
  // The server.
  class Leaf final : public Service {
   public:
    explicit Leaf(BulkheadRig& rig) : rig_(rig) {}
    Task<Result<Reply>> call(Call& call) override { return rig_.serve(call); }
    std::string describe() const override { return "leaf"; }

   private:
    BulkheadRig& rig_;
  };
  struct Made {
    std::string id;
    Asked asked;
    Duration at{};
  };

  bool has_another(const Call&) const override { return false; }
  Random& chance() override { return random_; }
  // As make_stack() does it; layers before live on, as their calls do.
  void reload(const BulkheadConfig& config, const ToolLimits& tools) {
    policies.admission.configure(config, tools);
    std::unique_ptr<Service> leaf = std::make_unique<Leaf>(*this);
    if (config.enabled || !tools.empty())
      leaf = std::make_unique<Bulkhead>(std::move(leaf), config, tools, policies);
    stacks_.push_back(std::move(leaf));
  }

  Task<void> make(Duration when, std::string id, Asked asked) {
    if (when > Duration::zero()) (void)co_await Sleep(begin + when, nullptr);
    Shard& shard = Shard::current();
    const std::string text = R"({"jsonrpc":"2.0","id":1,"method":"tools/call","params":{"name":")" +
                             asked.tool + R"(","arguments":{}}})";
    const auto message = Message::index(Bytes::copy_of(text), JsonLimits(), Message::From::client);
    CancelScope scope;
    Outcome& outcome = outcomes[id];
    {
      Call call(*message, *find_method("tools/call"), scope);
      made_[&call] = {id, asked, shard.now() - begin};
      call.client.identity = asked.client;
      call.priority = asked.priority;
      if (asked.patience > Duration::zero()) call.deadline = shard.now() + asked.patience;
      Nursery aside;
      CancelScope over;
      if (asked.cancelled > Duration::zero())
        aside.start(cancel_later(scope, over, shard.now() + asked.cancelled));
      Result<Reply> reply = co_await stacks_.back()->call(call);
      outcome.what = reply ? "ok" : std::string(to_string(reply.error().kind()));
      if (!reply) outcome.error = reply.error();
      outcome.ended = shard.now() - begin;
      ++outcome.times;
      over.cancel();
      co_await aside.join();
      made_.erase(&call);
    }
  }
  static Task<void> cancel_later(CancelScope& scope, CancelScope& over, TimePoint when) {
    const Wake wake = co_await Sleep(when, &over);
    if (wake == Wake::deadline) scope.cancel();
  }
  Task<Result<Reply>> serve(Call& call) {
    const Made made = made_.at(&call);
    outcomes[made.id].begun = Shard::current().now() - begin;
    order.push_back(made.id);
    if (on_begin) on_begin(made.id, made.asked, made.at);
    enter(made.id);
    const auto [when, how_long] = made.asked.asks;
    Wake wake = Wake::deadline;
    const TimePoint until = Shard::current().now() + made.asked.hold;
    if (how_long > Duration::zero()) {
      wake = co_await Sleep(Shard::current().now() + when, &call.cancel);
      running.erase(made.id);
      call.permit->pause();
      if (wake != Wake::cancelled) wake = co_await Sleep(Shard::current().now() + how_long, &call.cancel);
      call.permit->resume();
      resumed.insert(made.id);
      enter(made.id);
    }
    if (wake != Wake::cancelled) wake = co_await Sleep(until + how_long, &call.cancel);
    running.erase(made.id);
    resumed.erase(made.id);
    if (wake == Wake::cancelled)
      co_return fail(Error::Kind::cancelled, Error::Side::client, Error::Sent::maybe, "cancelled");
    call.permit->answered();
    Reply reply;
    reply.first.last = true;
    co_return reply;
  }
  void enter(const std::string& id) {
    EXPECT_TRUE(running.insert(id).second) << id << " is served twice";
    most = std::max(most, running.size());
  }

  const std::size_t shards_;
  std::size_t next_ = 0;
  Random random_{1};
  std::deque<std::unique_ptr<Service>> stacks_;
  std::map<const Call*, Made> made_;
};

/// So many at a time, so many waiting so long, of one client any number.
inline BulkheadConfig bulkhead_of(std::size_t concurrent, std::size_t queue, int timeout_ms,
                                  double share = 1) {
  BulkheadConfig config;
  config.max_concurrent = concurrent;
  config.max_queue = queue;
  config.queue_timeout = std::chrono::milliseconds(timeout_ms);
  config.client_share = share;
  return config;
}

}  // namespace weir
