// One shard's access to a scripted upstream over HTTP, in the simulator.
#include "transport/streamable.h"

#include <gtest/gtest.h>

#include <algorithm>

#include "sim/plain_http.h"
#include "sim/sim_world.h"

namespace weir {
namespace {

using std::chrono::seconds;

const SocketAddress kUpstream("10.0.0.1", 80);

// Answers the first request with a foreign id and all others with their own; counts connections.
struct Upstream {
  int connections = 0;
  int requests = 0;
  bool breaks = false;  // each connection after its answer, a millisecond later; then no id is foreign
  bool keeps = false;   // no id is foreign
  sim::PlainHttp* current = nullptr;
  std::vector<std::string> seen;
  Nursery nursery;

  Task<void> serve(CancelScope& stop) {
    Result<std::unique_ptr<Listener>> listener = Shard::current().network().listen(kUpstream, false);
    while (true) {
      Result<std::unique_ptr<Stream>> stream = co_await (*listener)->accept(stop);
      if (!stream) break;
      ++connections;
      nursery.start(connection(std::move(*stream), stop));
    }
    co_await nursery.join();
  }
  Task<void> connection(std::unique_ptr<Stream> stream, CancelScope& stop) {
    sim::PlainHttp http(std::move(stream));
    current = &http;
    while (true) {
      sim::PlainMessage request;
      const sim::PlainHttp::Got got = co_await http.read(request, Duration::max(), &stop);
      if (got != sim::PlainHttp::Got::whole) co_return;
      const auto message = Message::index(Bytes::copy_of(request.body), JsonLimits(), Message::From::client);
      seen.emplace_back(message->param().find("name"));
      const std::string id = ++requests == 1 && !breaks && !keeps ? "99" : std::string(message->raw_id());
      const std::string body = R"({"jsonrpc":"2.0","id":)" + id + R"(,"result":{}})";
      const std::string text = "HTTP/1.1 200 OK\r\nContent-Type: application/json\r\nContent-Length: " +
                               std::to_string(body.size()) + "\r\n\r\n" + body;
      const bool sent = co_await http.write(text, &stop);
      if (!sent) co_return;
      if (!breaks) continue;
      (void)co_await Sleep(Shard::current().now() + std::chrono::milliseconds(1), nullptr);
      http.reset();
    }
  }
};

StreamableOptions to_upstream() {
  StreamableOptions options;
  options.origin = Origin(kUpstream.host, kUpstream.port, false, std::string());
  options.host = "a";
  options.path = "/mcp";
  return options;
}

Task<void> call_often(std::vector<std::string>& outcomes, CancelScope& stop) {
  Streamable transport(Shard::current(), to_upstream());
  const auto message = Message::index(
      Bytes::copy_of(R"({"jsonrpc":"2.0","id":"x","method":"tools/call","params":{"name":"t"}})"),
      JsonLimits(), Message::From::client);
  const Peer peer;
  for (int i = 0; i < 3; ++i) {
    CancelScope scope;
    Call call(*message, *find_method("tools/call"), scope);
    call.deadline = Shard::current().now() + seconds(1);
    call.peer = &peer;
    const Result<Reply> reply = co_await transport.call(call);
    outcomes.emplace_back(reply ? "ok" : to_string(reply.error().kind()));
  }
  co_await transport.close();
  stop.cancel();
}

// The answers on that connection may be off by one from then on.
TEST(Streamable, LeavesAConnectionThatAnsweredAForeignId) {
  for (std::uint64_t seed = 1; seed <= 6; ++seed) {
    sim::World world(1, seed);
    world.weather().slice_max = seed % 2 == 0 ? 7 : 100000;
    Upstream upstream;
    std::vector<std::string> outcomes;
    CancelScope stop;
    world.start(0, [&] { return upstream.serve(stop); });
    world.start(0, [&] { return call_often(outcomes, stop); });
    ASSERT_TRUE(world.run()) << "seed " << seed;
    EXPECT_EQ(outcomes, (std::vector<std::string>{"upstream_protocol", "ok", "ok"}));
    EXPECT_EQ(upstream.connections, 2);
  }
}

Task<void> call_while_it_breaks(std::vector<std::string>& outcomes) {
  Streamable transport(Shard::current(), to_upstream());
  const Peer peer;
  for (int i = 0; i < 4; ++i) {
    const auto message =
        Message::index(Bytes::copy_of(R"({"jsonrpc":"2.0","id":"x","method":"tools/call","params":{"name":)" +
                                      std::to_string(i) + "}}"),
                       JsonLimits(), Message::From::client);
    CancelScope scope;
    Call call(*message, *find_method("tools/call"), scope);
    call.deadline = Shard::current().now() + seconds(1);
    call.peer = &peer;
    const Result<Reply> reply = co_await transport.call(call);
    outcomes.emplace_back(reply ? "ok" : to_string(reply.error().kind()));
    (void)co_await Sleep(Shard::current().now() + std::chrono::milliseconds(1), nullptr);
  }
  co_await transport.close();
}

// A tool that must not run twice: what the server never saw is sent again, what it may have seen is not.
TEST(Streamable, SendsAgainWhatNeverLeftAndNothingElse) {
  int cut = 0;
  for (std::uint64_t seed = 1; seed <= 300; ++seed) {
    sim::World world(2, seed);  // two shards, so that chance orders what happens at the same time
    Upstream upstream;
    upstream.breaks = true;
    std::vector<std::string> outcomes;
    CancelScope stop;
    world.start(1, [&] { return upstream.serve(stop); });
    world.start(0, [&] { return call_while_it_breaks(outcomes); });
    world.at(world.now() + seconds(5), world.shard(1), [&] { stop.cancel(); });
    ASSERT_TRUE(world.run()) << "seed " << seed;
    for (std::size_t i = 0; i < outcomes.size(); ++i) {
      const auto times = std::count(upstream.seen.begin(), upstream.seen.end(), std::to_string(i));
      EXPECT_TRUE(outcomes[i] == "ok" || outcomes[i] == "outcome_unknown") << outcomes[i] << " seed " << seed;
      EXPECT_LE(times, 1) << "seed " << seed;
      EXPECT_GE(times, outcomes[i] == "ok" ? 1 : 0) << "seed " << seed;
      cut += outcomes[i] == "ok" ? 0 : 1;
    }
  }
  EXPECT_GT(cut, 0);  // else nothing broke at the right moment
}

Task<void> call_over_a_connection_that_breaks(Upstream& upstream, std::vector<std::string>& outcomes,
                                              CancelScope& stop) {
  Streamable transport(Shard::current(), to_upstream());
  const Peer peer;
  struct One {
    static Task<void> call(Streamable& by, const Peer& to, const char* name, std::vector<std::string>& log) {
      const auto message = Message::index(
          Bytes::copy_of(
              std::string(R"({"jsonrpc":"2.0","id":"x","method":"tools/call","params":{"name":")") + name +
              "\"}}"),
          JsonLimits(), Message::From::client);
      CancelScope scope;
      Call call(*message, *find_method("tools/call"), scope);
      call.deadline = Shard::current().now() + seconds(1);
      call.peer = &to;
      const Result<Reply> reply = co_await by.call(call);
      log.emplace_back(reply ? "ok" : to_string(reply.error().kind()));
    }
  };
  co_await One::call(transport, peer, "first", outcomes);
  // It runs until it waits for its answer: the request is posted, and nothing of it has left.
  Nursery nursery;
  nursery.start(One::call(transport, peer, "second", outcomes));
  upstream.current->reset();
  co_await nursery.join();
  co_await transport.close();
  stop.cancel();
}

TEST(Streamable, SendsAgainWhatWasPostedAndNeverLeft) {
  sim::World world(1, 3);
  Upstream upstream;
  upstream.keeps = true;
  std::vector<std::string> outcomes;
  CancelScope stop;
  world.start(0, [&] { return upstream.serve(stop); });
  world.start(0, [&] { return call_over_a_connection_that_breaks(upstream, outcomes, stop); });
  ASSERT_TRUE(world.run());
  EXPECT_EQ(outcomes, (std::vector<std::string>{"ok", "ok"}));
  EXPECT_EQ(upstream.seen, (std::vector<std::string>{"\"first\"", "\"second\""}));
  EXPECT_EQ(upstream.connections, 2);
}

}  // namespace
}  // namespace weir
