// A server over HTTP+SSE in the simulator: hours of silence, and streams cut at any moment.
#include "transport/legacy_sse.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <set>

#include "sim/plain_http.h"
#include "sim/sim_world.h"

namespace weir {
namespace {

using std::chrono::milliseconds;
using std::chrono::seconds;

const SocketAddress kServer("10.0.0.1", 80);

// Answers by its latest stream; breaks it after every `breaks_after` calls, before it answers the last.
struct SseServer {
  int breaks_after = 0;
  bool drips = false;  // a byte of what it says to a POST every half second, for hours
  Duration dripped{};  // how long it was heard out at most
  int calls = 0;
  int streams = 0;
  sim::PlainHttp* stream = nullptr;
  std::vector<std::string> seen;
  Nursery nursery;

  Task<void> serve(CancelScope& stop) {
    Result<std::unique_ptr<Listener>> listener = Shard::current().network().listen(kServer, false);
    while (true) {
      Result<std::unique_ptr<Stream>> accepted = co_await (*listener)->accept(stop);
      if (!accepted) break;
      nursery.start(connection(std::move(*accepted), stop));
    }
    co_await nursery.join();
  }
  Task<void> connection(std::unique_ptr<Stream> accepted, CancelScope& stop) {
    sim::PlainHttp http(std::move(accepted));
    while (true) {
      sim::PlainMessage request;
      const sim::PlainHttp::Got got = co_await http.read(request, Duration::max(), &stop);
      if (got != sim::PlainHttp::Got::whole) co_return;
      if (request.start.starts_with("GET")) {
        ++streams;
        stream = &http;
        const std::string head =
            "HTTP/1.1 200 OK\r\nContent-Type: text/event-stream\r\n\r\nevent: endpoint\ndata: /m\n\n";
        const bool sent = co_await http.write(head, &stop);
        if (sent) co_await http.wait_end(&stop);
        if (stream == &http) stream = nullptr;
        co_return;
      }
      if (drips) co_return co_await drip(http, std::move(request.body), stop);
      const bool sent = co_await http.write("HTTP/1.1 202 Accepted\r\nContent-Length: 0\r\n\r\n", &stop);
      if (!sent) co_return;
      co_await answer(request.body, stop);
    }
  }
  Task<void> drip(sim::PlainHttp& http, std::string body, CancelScope& stop) {
    const TimePoint begun = Shard::current().now();
    bool sent = co_await http.write("HTTP/1.1 202 Accepted\r\nContent-Length: 60000\r\n\r\n", &stop);
    co_await answer(std::move(body), stop);
    while (sent) {
      (void)co_await Sleep(Shard::current().now() + milliseconds(500), &stop);
      sent = co_await http.write("x", &stop);
    }
    dripped = std::max(dripped, Shard::current().now() - begun);
  }
  Task<void> answer(std::string body, CancelScope& stop) {
    const auto message = Message::index(Bytes::copy_of(body), JsonLimits(), Message::From::client);
    if (!message->is_request() || stream == nullptr) co_return;
    std::string result = "{}";
    if (message->method() == "initialize") result = R"({"protocolVersion":"2024-11-05","capabilities":{}})";
    if (message->method() == "tools/call") {
      seen.emplace_back(message->param().find("name"));
      if (breaks_after != 0 && ++calls % breaks_after == 0) co_return stream->reset();
    }
    const std::string event = R"(data: {"jsonrpc":"2.0","id":)" + std::string(message->raw_id()) +
                              R"(,"result":)" + result + "}\n\n";
    const bool sent = co_await stream->write(event, &stop);
    (void)sent;
  }
};

struct World {
  LegacySseOptions options;
  std::vector<std::string> outcomes = std::vector<std::string>(60);
  int lost = 0;

  World() {
    options.http.origin = Origin(kServer.host, kServer.port, false, std::string());
    options.http.host = "a";
    options.http.path = "/sse";
  }
  Task<void> call(LegacySse& transport, std::shared_ptr<const Peer> peer, std::size_t number) {
    const auto message =
        Message::index(Bytes::copy_of(R"({"jsonrpc":"2.0","id":1,"method":"tools/call","params":{"name":)" +
                                      std::to_string(number) + "}}"),
                       JsonLimits(), Message::From::client);
    CancelScope scope;
    Call call(*message, *find_method("tools/call"), scope);
    call.deadline = Shard::current().now() + seconds(60);
    call.peer = peer.get();
    const Result<Reply> reply = co_await transport.call(call);
    outcomes[number] = reply ? "ok" : to_string(reply.error().kind());
  }
  // Greets whenever it must, calls three at a time.
  Task<void> run(CancelScope& stop, Duration pause) {
    TransportHooks hooks;
    hooks.lost = [this] { ++lost; };
    LegacySse transport(Shard::current(), options, std::move(hooks));
    CancelScope scope;
    std::shared_ptr<const Peer> peer;
    for (std::size_t i = 0; i + 3 <= outcomes.size(); i += 3) {
      while (!peer || peer->lost) {
        Result<std::shared_ptr<const Peer>> greeted =
            co_await transport.greet(Introduction(), Shard::current().now() + seconds(20), scope);
        if (greeted) peer = *greeted;
      }
      Nursery calls;
      for (std::size_t k = 0; k < 3; ++k) calls.start(call(transport, peer, i + k));
      co_await calls.join();
      (void)co_await Sleep(Shard::current().now() + pause, nullptr);
    }
    co_await transport.close();
    stop.cancel();
  }
};

TEST(LegacySse, SilenceIsNoEnd) {
  sim::World world(1, 1);
  SseServer server;
  World client;
  client.outcomes.resize(6);
  CancelScope stop;
  world.start(0, [&] { return server.serve(stop); });
  world.start(0, [&] { return client.run(stop, std::chrono::hours(3)); });
  ASSERT_TRUE(world.run());
  EXPECT_EQ(client.outcomes, std::vector<std::string>(6, "ok"));
  EXPECT_EQ(server.streams, 1);
}

TEST(LegacySse, WhatDripsInAnswerToAPostIsHeardOutForASecond) {
  sim::World world(1, 1);
  SseServer server;
  server.drips = true;
  World client;
  client.outcomes.resize(6);
  CancelScope stop;
  world.start(0, [&] { return server.serve(stop); });
  world.start(0, [&] { return client.run(stop, seconds(1)); });
  ASSERT_TRUE(world.run());
  EXPECT_EQ(client.outcomes, std::vector<std::string>(6, "ok"));
  EXPECT_GT(server.dripped, seconds(0));
  EXPECT_LT(server.dripped, seconds(5));
}

// Every call ends, and what it says of what the server saw is true.
TEST(LegacySse, SaysTheTruthWhenTheStreamIsCut) {
  std::set<std::string> kinds;
  for (std::uint64_t seed = 1; seed <= 200; ++seed) {
    sim::World world(2, seed);
    world.weather().delay_max = milliseconds(seed % 5);
    world.weather().slice_max = seed % 3 == 0 ? 5 : 100000;
    SseServer server;
    server.breaks_after = 1 + static_cast<int>(seed % 7);
    World client;
    CancelScope stop;
    world.start(1, [&] { return server.serve(stop); });
    world.start(0, [&] { return client.run(stop, milliseconds(2)); });
    ASSERT_TRUE(world.run()) << "seed " << seed;
    EXPECT_GT(client.lost, 0) << "seed " << seed;
    for (std::size_t i = 0; i < client.outcomes.size(); ++i) {
      const auto times = std::count(server.seen.begin(), server.seen.end(), std::to_string(i));
      const std::string& how = client.outcomes[i];
      kinds.insert(how);
      EXPECT_TRUE(how == "ok" || how == "outcome_unknown" || how == "unreachable") << how << " seed " << seed;
      EXPECT_LE(times, how == "unreachable" ? 0 : 1) << "seed " << seed;
      EXPECT_GE(times, how == "ok" ? 1 : 0) << "seed " << seed;
    }
  }
  EXPECT_EQ(kinds.size(), 3u);  // else nothing was cut at the right moments
}

}  // namespace
}  // namespace weir
