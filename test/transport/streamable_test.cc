// One shard's access to a scripted upstream over HTTP, in the simulator.
#include "transport/streamable.h"

#include <gtest/gtest.h>

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
    while (true) {
      sim::PlainMessage request;
      const sim::PlainHttp::Got got = co_await http.read(request, Duration::max(), &stop);
      if (got != sim::PlainHttp::Got::whole) co_return;
      const auto message = Message::index(Bytes::copy_of(request.body), JsonLimits(), Message::From::client);
      const std::string id = ++requests == 1 ? "99" : std::string(message->raw_id());
      const std::string body = R"({"jsonrpc":"2.0","id":)" + id + R"(,"result":{}})";
      const std::string text = "HTTP/1.1 200 OK\r\nContent-Type: application/json\r\nContent-Length: " +
                               std::to_string(body.size()) + "\r\n\r\n" + body;
      const bool sent = co_await http.write(text, &stop);
      if (!sent) co_return;
    }
  }
};

Task<void> call_often(std::vector<std::string>& outcomes, CancelScope& stop) {
  StreamableOptions options;
  options.origin = Origin(kUpstream.host, kUpstream.port, false, std::string());
  options.host = "a";
  options.path = "/mcp";
  Streamable transport(Shard::current(), options);
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

}  // namespace
}  // namespace weir
