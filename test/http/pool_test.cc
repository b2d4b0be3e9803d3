#include "http/pool.h"

#include <gtest/gtest.h>

#include "sim/sim_world.h"

namespace weir {
namespace {

using std::chrono::milliseconds;
using std::chrono::seconds;

const SocketAddress kServer("10.0.0.1", 80);

// Answers every byte with itself; counts connections; closes after `answers_max` bytes.
struct EchoServer {
  explicit EchoServer(int most) : answers_max(most) {}
  int answers_max;
  int connections = 0;
  CancelScope stop;
  Nursery nursery;

  static Task<void> talk(EchoServer& self, std::unique_ptr<Stream> stream) {
    Channel channel(std::move(stream));
    for (int i = 0; i < self.answers_max; ++i) {
      const Result<std::size_t> got = co_await channel.fill(kForever, &self.stop);
      if (!got || *got == 0) co_return;
      const std::string text(channel.pending());
      channel.consume(text.size());
      const iovec piece{const_cast<char*>(text.data()), text.size()};
      if (!co_await channel.write(std::span<const iovec>(&piece, 1), kForever, nullptr)) co_return;
    }
  }
  Task<void> run() {
    Result<std::unique_ptr<Listener>> listener = Shard::current().network().listen(kServer, false);
    while (true) {
      Result<std::unique_ptr<Stream>> stream = co_await (*listener)->accept(stop);
      if (!stream) break;
      ++connections;
      nursery.start(talk(*this, std::move(*stream)));
    }
    co_await nursery.join();
  }
};

Task<bool> ping(PooledConnection& connection, CancelScope& scope) {
  const std::string text = "x";
  const iovec piece{const_cast<char*>(text.data()), text.size()};
  if (!co_await connection.channel().write(std::span<const iovec>(&piece, 1), kForever, &scope))
    co_return false;
  const Result<std::size_t> got = co_await connection.channel().fill(kForever, &scope);
  if (!got || *got != 1) co_return false;
  connection.channel().consume(1);
  co_return true;
}

struct Notes {
  std::vector<std::string> lines;
};

Task<void> use(EchoServer& server, Notes& notes) {
  Shard& shard = Shard::current();
  CancelScope scope;
  Pool pool(shard, Origin(kServer.host, kServer.port, false, std::string()), Pool::Options{});
  EXPECT_FALSE(pool.take_idle());
  {
    Result<PooledConnection> first = co_await pool.open(shard.now() + seconds(1), scope);
    EXPECT_TRUE(first && !first->reused() && co_await ping(*first, scope));
    EXPECT_EQ(pool.in_use(), 1u);
    first->keep();
  }
  EXPECT_EQ(pool.in_use(), 0u);
  EXPECT_EQ(pool.idle(), 1u);
  {
    PooledConnection again = pool.take_idle();
    EXPECT_TRUE(again && again.reused());
    EXPECT_TRUE(co_await ping(again, scope));
    again.keep();  // the server has answered twice and closes
  }
  (void)co_await Sleep(shard.now() + milliseconds(50), nullptr);
  EXPECT_FALSE(pool.take_idle()) << "a connection the server closed must not be used";
  {
    Result<PooledConnection> second = co_await pool.open(shard.now() + seconds(1), scope);
    EXPECT_TRUE(second && co_await ping(*second, scope));
    second->keep();
  }
  (void)co_await Sleep(shard.now() + milliseconds(3900), nullptr);
  EXPECT_EQ(pool.idle(), 1u);
  (void)co_await Sleep(shard.now() + milliseconds(200), nullptr);
  EXPECT_EQ(pool.idle(), 0u) << "idle connections go before the server's own patience ends";
  {
    Result<PooledConnection> dropped = co_await pool.open(shard.now() + seconds(1), scope);
    EXPECT_TRUE(dropped && co_await ping(*dropped, scope));
  }
  EXPECT_EQ(pool.in_use() + pool.idle(), 0u);
  notes.lines.push_back(std::to_string(server.connections));
  server.stop.cancel();
}

TEST(Pool, ReusesWhatLivesAndForgetsWhatRests) {
  sim::World world(2, 11);
  EchoServer server(2);
  Notes notes;
  world.start(1, [&] { return server.run(); });
  // One shard for both: the scope that stops the server belongs to it.
  world.start(1, [&] { return use(server, notes); });
  ASSERT_TRUE(world.run());
  EXPECT_EQ(notes.lines, std::vector<std::string>{"3"});
}

TEST(Pool, SaysUnreachableWithNothingSent) {
  sim::World world(1, 1);
  Error seen;
  world.start(0, [&]() -> Task<void> {
    return [](Error& error) -> Task<void> {
      CancelScope scope;
      Pool pool(Shard::current(), Origin("10.0.0.9", 80, false, std::string()), Pool::Options{});
      Result<PooledConnection> none = co_await pool.open(Shard::current().now() + seconds(1), scope);
      if (!none) error = none.error();
    }(seen);
  });
  ASSERT_TRUE(world.run());
  EXPECT_EQ(seen.kind(), Error::Kind::unreachable);
  EXPECT_EQ(seen.sent(), Error::Sent::no);
}

}  // namespace
}  // namespace weir
