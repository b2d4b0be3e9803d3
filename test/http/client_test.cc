// Exchanges with scripted upstreams in the simulator.
#include "http/client.h"

#include <gtest/gtest.h>

#include "sim/sim_world.h"

namespace weir {
namespace {

using std::chrono::milliseconds;
using std::chrono::seconds;

const SocketAddress kUpstream("10.0.0.1", 80);

struct Outcome {
  std::string body;     // with the status in front
  std::string failure;  // the error's reason, and whether anything was sent
  std::size_t kept = 0;
};

// Reads some request bytes, answers `script`, and closes if asked.
Task<void> upstream(std::string script, bool closes, CancelScope& stop) {
  Result<std::unique_ptr<Listener>> listener = Shard::current().network().listen(kUpstream, false);
  Result<std::unique_ptr<Stream>> stream = co_await (*listener)->accept(stop);
  if (!stream) co_return;
  Channel channel(std::move(*stream));
  const Result<std::size_t> got = co_await channel.fill(kForever, &stop);
  if (!got) co_return;
  const iovec piece{script.data(), script.size()};
  const Result<void> sent = co_await channel.write(std::span<const iovec>(&piece, 1), kForever, &stop);
  if (closes || !sent) co_return;
  Waiter never;
  (void)co_await never.wait(kForever, &stop);
}

Task<void> ask(bool whole, Outcome& outcome, CancelScope& stop) {
  Shard& shard = Shard::current();
  CancelScope scope;
  Pool pool(shard, Origin(kUpstream.host, kUpstream.port, false, std::string()), Pool::Options{});
  const TimePoint deadline = shard.now() + seconds(2);
  Result<PooledConnection> connection = co_await pool.open(deadline, scope);
  {
    HttpExchange exchange(std::move(*connection));
    std::string request = "POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 0\r\n\r\n";
    const iovec piece{request.data(), request.size()};
    Error error;
    bool good = false;
    const Result<void> sent = co_await exchange.send(std::span<const iovec>(&piece, 1), deadline, &scope);
    if (sent) {
      const Result<const ResponseHead*> head = co_await exchange.read_head(deadline, &scope);
      if (!head) error = head.error();
      if (head) outcome.body = std::to_string((*head)->status) + " ";
      if (head && whole) {
        const Result<Bytes> body = co_await exchange.read_all(100000, deadline, &scope);
        good = body.has_value();
        if (good) outcome.body += body->view();
        if (!good) error = body.error();
      }
      while (head && !whole) {
        const Result<std::string_view> part = co_await exchange.read_some(deadline, &scope);
        good = part.has_value();
        if (!good) error = part.error();
        if (!good || part->empty()) break;
        outcome.body += *part;
      }
    }
    if (!good)
      outcome.failure =
          std::string(to_string(error.kind())) + (error.sent() == Error::Sent::no ? " no" : " maybe");
    exchange.finish();
  }
  outcome.kept = pool.idle();
  stop.cancel();
}

Outcome run(const std::string& script, bool closes, bool whole, std::uint64_t seed) {
  sim::World world(1, seed);
  world.weather().slice_max = seed % 2 == 0 ? 3 : 100000;
  world.weather().delay_max = milliseconds(seed % 3);
  Outcome outcome;
  CancelScope stop;
  world.start(0, [&] { return upstream(script, closes, stop); });
  world.start(0, [&] { return ask(whole, outcome, stop); });
  EXPECT_TRUE(world.run()) << "seed " << seed;
  return outcome;
}

struct Case {
  std::string script;
  bool closes;
  std::string body;
  std::string failure;
  std::size_t kept;
};

TEST(HttpExchange, TakesEachFramingAndKeepsOnlyCleanConnections) {
  const std::string ok = "HTTP/1.1 200 OK\r\n";
  const Case cases[] = {
      {ok + "Content-Length: 5\r\n\r\nhello", false, "200 hello", "", 1},
      {ok + "Content-Length: 0\r\n\r\n", false, "200 ", "", 1},
      {ok + "Transfer-Encoding: chunked\r\n\r\n3\r\nhel\r\n2\r\nlo\r\n0\r\n\r\n", false, "200 hello", "", 1},
      {ok + "\r\nhello", true, "200 hello", "", 0},
      {ok + "Connection: close\r\nContent-Length: 5\r\n\r\nhello", false, "200 hello", "", 0},
      {"HTTP/1.0 200 OK\r\nContent-Length: 5\r\n\r\nhello", false, "200 hello", "", 0},
      {"HTTP/1.1 100 Continue\r\n\r\nHTTP/1.1 103 Early Hints\r\nLink: x\r\n\r\n" + ok +
           "Content-Length: 2\r\n\r\nok",
       false, "200 ok", "", 1},
      {"HTTP/1.1 204 No Content\r\n\r\n", false, "204 ", "", 1},
      {"HTTP/1.1 404 Not Found\r\nContent-Length: 1\r\n\r\nx", false, "404 x", "", 1},
      {"", true, "", "outcome_unknown maybe", 0},
      {"HTTP/1.1 20", true, "", "outcome_unknown maybe", 0},
      {ok + "Content-Length: 9\r\n\r\nhello", true, "", "outcome_unknown maybe", 0},
      {ok + "Transfer-Encoding: chunked\r\n\r\n3\r\nhel\r\n", true, "", "outcome_unknown maybe", 0},
      {ok + "Transfer-Encoding: chunked\r\n\r\nzz\r\n", false, "", "upstream_protocol maybe", 0},
      {"SSH-2.0-OpenSSH\r\n", false, "", "upstream_protocol maybe", 0},
      {"HTTP/1.1 101 Switching Protocols\r\n\r\n", false, "", "upstream_protocol maybe", 0},
      {"", false, "", "deadline_exceeded maybe", 0},
      {ok + "Content-Length: 200000\r\n\r\n", false, "", "too_large maybe", 0},
  };
  for (const Case& expected : cases) {
    for (std::uint64_t seed = 1; seed <= 6; ++seed) {
      const Outcome outcome = run(expected.script, expected.closes, true, seed);
      ASSERT_EQ(outcome.failure, expected.failure) << expected.script << " seed " << seed;
      if (expected.failure.empty()) {
        ASSERT_EQ(outcome.body, expected.body) << expected.script;
      }
      ASSERT_EQ(outcome.kept, expected.kept) << expected.script << " seed " << seed;
    }
  }
}

TEST(HttpExchange, StreamsPieces) {
  for (std::uint64_t seed = 1; seed <= 8; ++seed) {
    const std::string big(50000, 'x');
    const Outcome plain = run("HTTP/1.1 200 OK\r\nContent-Length: 50000\r\n\r\n" + big, false, false, seed);
    ASSERT_EQ(plain.body, "200 " + big);
    ASSERT_EQ(plain.kept, 1u);
    const Outcome chunked =
        run("HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\nc350\r\n" + big + "\r\n0\r\n\r\n", false,
            false, seed);
    ASSERT_EQ(chunked.body, "200 " + big);
    ASSERT_EQ(chunked.kept, 1u);
  }
}

TEST(HttpExchange, NeverReusesAConnectionThatSaidTooMuch) {
  const Outcome outcome =
      run("HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nokHTTP/1.1 200 OK\r\n", false, true, 1);
  EXPECT_EQ(outcome.body, "200 ok");
  EXPECT_EQ(outcome.kept, 0u);
}

}  // namespace
}  // namespace weir
