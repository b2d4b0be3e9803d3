// A server behind a host name, in the simulator: what its replicas saw while the name came to stand for
// others.
#include <gtest/gtest.h>

#include <algorithm>

#include "gateway/gateway.h"
#include "sim/sim_upstream.h"

namespace weir {
namespace {

using std::chrono::milliseconds;
using std::chrono::seconds;
using List = std::vector<std::string>;

NameAnswer answer(List addresses, seconds ttl = seconds(1)) {
  NameAnswer out;
  out.addresses = std::move(addresses);
  out.ttl = ttl;
  return out;
}

// Answers calls after up to `slow`; keeps what it was asked.
class Replica final : public sim::SimUpstream {
 public:
  Replica(sim::World& world, const std::string& address, Duration slow)
      : SimUpstream(world, address, SocketAddress(address, 80)), slow_(slow) {}
  int calls = 0;
  int under_way = 0;
  std::set<std::string> hosts;

 private:
  Task<bool> take(sim::PlainHttp& http, const sim::PlainMessage& request, CancelScope& stop) override {
    hosts.insert(std::string(request.field("host")));
    const auto message = Message::index(Bytes::copy_of(request.body), JsonLimits(), Message::From::client);
    std::string result = R"("resultType":"complete","content":[])";
    if (!message || !message->is_request()) co_return co_await http.write(answer(202, ""), &stop);
    if (message->method() == "server/discover")
      result =
          R"("resultType":"complete","supportedVersions":["2026-07-28"],"capabilities":{},"ttlMs":0,"cacheScope":"private")";
    if (message->method() == "tools/call") {
      ++calls;
      ++under_way;
      const auto longest = static_cast<std::size_t>(slow_ / milliseconds(1));
      (void)co_await Sleep(world_.now() + milliseconds(longest == 0 ? 0 : draw(longest)), &stop);
      --under_way;
    }
    const std::string body =
        R"({"jsonrpc":"2.0","id":)" + std::string(message->raw_id()) + R"(,"result":{)" + result + "}}";
    const std::string text = SimUpstream::answer(200, body);
    co_return co_await http.write(text, &stop);
  }
  const Duration slow_;
};

struct Stage {
  Stage(std::uint64_t seed, Duration slow) : world(4, seed) {
    for (std::size_t i = 0; i < 3; ++i) shards.push_back(&world.shard(i));
    Gateway::Observer observer;
    observer.name_changed = [this](const Upstream&, const std::string& host, const std::string& reason) {
      told.push_back(host + ": " + (reason.empty() ? "again" : reason));
    };
    gateway = std::make_unique<Gateway>(shards, 2, std::move(observer));
    for (const char* address : {"10.0.0.1", "10.0.0.2", "10.0.0.3"})
      replicas.emplace(address, std::make_unique<Replica>(world, address, slow));
  }

  Config config(std::vector<EndpointConfig> endpoints) const {
    Config out;
    ServerConfig server;
    server.name = "s";
    server.endpoints = std::move(endpoints);
    if (server.endpoints.size() == 1) server.url = server.endpoints[0].url;
    server.resolve_dns = true;
    server.load_balancing.strategy = LoadBalancingConfig::Strategy::round_robin;
    out.servers.push_back(std::move(server));
    return out;
  }

  // Runs `work` on the control shard with the replicas there, then closes all.
  void run(std::function<Task<void>()> work) {
    struct Whole {
      static Task<void> go(Stage& s, std::function<Task<void>()> task) {
        co_await task();
        co_await s.gateway->close(s.world.now() + seconds(10));
        s.stop.cancel();
      }
      static Task<void> serve(Replica& replica, CancelScope& until) { co_await replica.serve(until); }
    };
    for (auto& [address, replica] : replicas)
      world.start(3, [this, one = replica.get()] { return Whole::serve(*one, stop); });
    world.start(2, [this, &work] { return Whole::go(*this, work); });
    ASSERT_TRUE(world.run());
    gateway.reset();
    EXPECT_TRUE(world.settle());
    for (auto& [address, replica] : replicas) EXPECT_EQ(replica->violations(), List());
  }

  Upstream& server() const { return *gateway->plan_now()->servers.at(0); }
  // The hosts of its endpoints, those that are draining with a minus.
  List hosts() const {
    List out;
    for (const SetMember& one : server().endpoints()->members) {
      std::string host = one.endpoint->address().substr(7);
      out.push_back((one.draining ? "-" : "") + host.substr(0, host.find('/')));
    }
    std::sort(out.begin(), out.end());
    return out;
  }

  // One call on the calling shard; its error's detail, or nothing.
  Task<std::string> call(Duration patience = seconds(20)) {
    const auto message = Message::index(
        Bytes::copy_of(R"({"jsonrpc":"2.0","id":1,"method":"tools/call","params":{"name":"echo"}})"),
        JsonLimits(), Message::From::client);
    CancelScope scope;
    Call one(*message, *find_method("tools/call"), scope);
    one.deadline = world.now() + patience;
    const std::shared_ptr<const Plan> plan = gateway->plan_now();
    Result<Reply> reply = co_await plan->servers.at(0)->call(one);
    if (!reply) co_return reply.error().detail() + " ";
    co_return std::string();
  }
  Task<void> wait(Duration time) { co_await Sleep(world.now() + time, nullptr); }

  sim::World world;
  std::vector<Shard*> shards;
  std::map<std::string, std::unique_ptr<Replica>> replicas;
  List told;
  CancelScope stop;
  std::unique_ptr<Gateway> gateway;
};

const EndpointConfig kNamed{"http://tools/mcp", 1, 0};

Task<void> from_start_to_end(Stage& s) {
  s.gateway->apply(s.config({kNamed}));
  EXPECT_EQ(s.server().status()->state, ServerState::starting);
  EXPECT_EQ(s.hosts(), List());
  // It is no name yet; then it is.
  co_await s.wait(milliseconds(100));
  EXPECT_EQ(s.server().status()->state, ServerState::unreachable);
  EXPECT_EQ(co_await s.call(), "cannot resolve tools: no such name ");
  s.world.set_name("tools", answer({"10.0.0.1", "10.0.0.2"}));
  co_await s.wait(seconds(1));
  EXPECT_EQ(s.server().status()->state, ServerState::ready);
  EXPECT_EQ(s.hosts(), (List{"10.0.0.1", "10.0.0.2"}));
  EXPECT_EQ(s.told, (List{"tools: cannot resolve tools: no such name", "tools: again"}));
  for (int i = 0; i < 10; ++i) EXPECT_EQ(co_await s.call(), "");
  EXPECT_EQ(s.replicas["10.0.0.1"]->calls, 5);
  EXPECT_EQ(s.replicas["10.0.0.2"]->calls, 5);
  // What nobody has answered stays.
  const auto first = s.server().endpoints()->members[0].endpoint;
  s.world.set_name("tools", std::nullopt);
  co_await s.wait(seconds(90));
  EXPECT_EQ(s.hosts(), (List{"10.0.0.1", "10.0.0.2"}));
  NameAnswer half = answer({"fd00::1"});
  half.no_ipv4 = true;
  s.world.set_name("tools", half);
  co_await s.wait(seconds(46));
  EXPECT_EQ(s.hosts(), (List{"10.0.0.1", "10.0.0.2", "[fd00::1]"}));
  // Who stays is not touched, who goes gets nothing.
  s.world.set_name("tools", answer({"10.0.0.3", "10.0.0.1"}));
  co_await s.wait(seconds(3));
  EXPECT_EQ(s.hosts(), (List{"10.0.0.1", "10.0.0.3"}));
  EXPECT_EQ(s.server().endpoints()->members[0].endpoint, first);
  for (int i = 0; i < 10; ++i) EXPECT_EQ(co_await s.call(), "");
  EXPECT_EQ(s.replicas["10.0.0.1"]->calls, 10);
  EXPECT_EQ(s.replicas["10.0.0.2"]->calls, 5);
  EXPECT_EQ(s.replicas["10.0.0.3"]->calls, 5);
  for (const auto& [address, replica] : s.replicas)
    EXPECT_EQ(replica->hosts, (std::set<std::string>{"tools"}));
}

TEST(UpstreamNames, EndpointsAreWhatTheNameStandsFor) {
  Stage stage(1, Duration::zero());
  stage.run([&] { return from_start_to_end(stage); });
}

Task<void> call_later(Stage& s, std::string& outcome, Duration& took) {
  const TimePoint begun = s.world.now();
  outcome = co_await s.call();
  took = s.world.now() - begun;
}

Task<void> wait_for_name(Stage& s) {
  s.world.set_name("tools", std::nullopt);
  s.gateway->apply(s.config({kNamed}));
  Nursery calls;
  std::string outcome = "-";
  Duration took{};
  calls.start(call_later(s, outcome, took));
  EXPECT_EQ(co_await s.call(seconds(2)), "its host name is still looked up ");
  s.world.set_name("tools", answer({"10.0.0.2"}));
  co_await calls.join();
  EXPECT_EQ(outcome, "resolving tools timed out ");
  EXPECT_EQ(took, seconds(15));
  co_await s.wait(seconds(1));
  EXPECT_EQ(co_await s.call(), "");
}

TEST(UpstreamNames, CallsWaitForTheFirstAnswer) {
  Stage stage(2, Duration::zero());
  stage.run([&] { return wait_for_name(stage); });
}

Task<void> reload(Stage& s) {
  s.world.set_name("tools", answer({"10.0.0.1", "10.0.0.2"}));
  s.world.set_name("other", answer({"10.0.0.2"}, seconds(60)));
  const EndpointConfig numeric{"http://10.0.0.3/mcp", 1, 1};
  s.gateway->apply(s.config({kNamed, numeric}));
  co_await s.wait(seconds(1));
  EXPECT_EQ(s.hosts(), (List{"10.0.0.1", "10.0.0.2", "10.0.0.3"}));
  const auto set = s.server().endpoints();
  EXPECT_EQ(set->members[1].priority, 0u);
  EXPECT_EQ(set->members[2].priority, 1u);
  // The same addresses by two names: the first one has them.
  s.gateway->apply(s.config({{"http://other/mcp", 4, 0}, {"http://tools/mcp", 2, 0}}));
  co_await s.wait(seconds(1));
  EXPECT_EQ(s.hosts(), (List{"10.0.0.1", "10.0.0.2"}));
  for (const SetMember& one : s.server().endpoints()->members) {
    const bool second = one.endpoint->address() == "http://10.0.0.2/mcp";
    EXPECT_EQ(one.weight, second ? 4u : 2u);
    EXPECT_EQ(one.endpoint->config().url, second ? "http://other/mcp" : "http://tools/mcp");
  }
  s.gateway->apply(s.config({{"http://other/mcp", 1, 0}}));
  co_await s.wait(seconds(2));
  const std::size_t asked = s.world.looked_up().size();
  co_await s.wait(seconds(20));
  EXPECT_EQ(s.world.looked_up().size(), asked) << "what is not configured any more is not looked up";
  EXPECT_EQ(s.hosts(), (List{"10.0.0.2"}));
  EXPECT_EQ(co_await s.call(), "");
  EXPECT_EQ(s.replicas["10.0.0.2"]->hosts, (std::set<std::string>{"tools", "other"}));
}

TEST(UpstreamNames, AReloadChangesNamesAndWeights) {
  Stage stage(3, Duration::zero());
  stage.run([&] { return reload(stage); });
}

Task<void> many_addresses(Stage& s) {
  List all;
  for (int i = 0; i < 300; ++i)
    all.push_back("10.1." + std::to_string(i / 256) + '.' + std::to_string(i % 256));
  s.world.set_name("tools", answer(all, seconds(60)));
  s.gateway->apply(s.config({kNamed}));
  co_await s.wait(milliseconds(100));
  EXPECT_EQ(s.hosts().size(), 256u);
}

TEST(UpstreamNames, NoMoreThan256) {
  Stage stage(4, Duration::zero());
  stage.run([&] { return many_addresses(stage); });
}

// Names and configurations that change all the time, while calls are made: none of them fails, and whoever is
// no endpoint any more gets none.
struct Storm : Stage {
  explicit Storm(std::uint64_t seed) : Stage(seed, milliseconds(700)) {}
  std::size_t draw(std::size_t bound) { return static_cast<std::size_t>(world.random()() % bound); }

  Task<void> caller() {
    while (!over) {
      const std::string outcome = co_await call();
      if (!outcome.empty()) failures.push_back(outcome);
      ++made;
      co_await wait(milliseconds(draw(40)));
    }
    --callers;
  }
  Task<void> direct() {
    world.set_name("tools", answer({"10.0.0.1"}));
    world.set_name("other", answer({"10.0.0.3"}));
    gateway->apply(config({kNamed}));
    callers = 6;
    for (std::size_t i = 0; i < 6; ++i) world.start(i % 2, [this] { return caller(); });
    for (int i = 0; i < 60; ++i) {
      co_await wait(milliseconds(draw(1500)));
      List some;
      for (const char* address : {"10.0.0.1", "10.0.0.2", "10.0.0.3"})
        if (draw(2) == 0) some.emplace_back(address);
      if (draw(5) == 0)
        world.unset_name("tools");
      else if (!some.empty())
        world.set_name("tools", answer(some));
      if (draw(6) == 0) gateway->apply(config({{"http://tools/mcp", 1 + draw(3), 0}}));
      if (draw(6) == 0) gateway->apply(config({kNamed, {"http://other/mcp", 1 + draw(3), 0}}));
    }
    over = true;
    while (callers != 0) co_await wait(milliseconds(10));
    gateway->apply(config({kNamed}));
    world.set_name("tools", answer({"10.0.0.2"}));
    co_await wait(seconds(60));
    last = hosts();
    const int before = replicas["10.0.0.2"]->calls;
    for (int i = 0; i < 5; ++i) (void)co_await call();
    rest = replicas["10.0.0.2"]->calls - before;
  }

  bool over = false;
  int callers = 0;
  int made = 0;
  int rest = 0;
  List failures;
  List last;
};

TEST(UpstreamNames, NoCallIsLostWhileNamesChange) {
  for (std::uint64_t seed = 1; seed <= 10; ++seed) {
    Storm storm(seed);
    storm.run([&] { return storm.direct(); });
    EXPECT_EQ(storm.failures, List()) << "seed " << seed;
    EXPECT_EQ(storm.last, (List{"10.0.0.2"})) << "seed " << seed;
    EXPECT_EQ(storm.rest, 5) << "seed " << seed;
    EXPECT_GT(storm.made, 100);
  }
}

}  // namespace
}  // namespace weir
