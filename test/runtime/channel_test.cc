// Channels, waiters and scopes in the simulator, and the same over real sockets.
#include "runtime/channel.h"

#include <fcntl.h>
#include <gtest/gtest.h>
#include <unistd.h>

#include <thread>

#include "runtime/epoll_loop.h"
#include "runtime/nursery.h"
#include "sim/sim_network.h"
#include "sim/sim_world.h"

namespace weir {
namespace {

using std::chrono::milliseconds;

std::string pattern(std::size_t size) {
  std::string text(size, ' ');
  for (std::size_t i = 0; i < size; ++i) text[i] = static_cast<char>('a' + i * 7 % 26);
  return text;
}

Task<bool> write_all(Channel& channel, const std::string& text) {
  const iovec piece{const_cast<char*>(text.data()), text.size()};
  const Result<void> result = co_await channel.write(std::span<const iovec>(&piece, 1), kForever, nullptr);
  co_return result.has_value();
}

// Echoes until the peer ends.
Task<void> serve(Listener& listener, CancelScope& cancel) {
  Result<std::unique_ptr<Stream>> stream = co_await listener.accept(cancel);
  if (!stream) co_return;
  Channel channel(std::move(*stream));
  while (true) {
    const Result<std::size_t> got = co_await channel.fill(kForever, nullptr);
    if (!got || *got == 0) co_return;
    const std::string text(channel.pending());
    channel.consume(text.size());
    if (!co_await write_all(channel, text)) co_return;
  }
}

Task<void> send_it(Channel& channel, const std::string& text) { (void)co_await write_all(channel, text); }

Task<void> client(SocketAddress address, std::size_t size, std::string& echoed) {
  CancelScope cancel;
  Result<std::unique_ptr<Stream>> stream =
      co_await Shard::current().network().connect(address, kForever, cancel);
  if (!stream) co_return;
  Channel channel(std::move(*stream));
  const std::string text = pattern(size);
  Nursery nursery;
  nursery.start(send_it(channel, text));
  std::vector<Bytes> kept;  // shared bytes must survive later reads
  std::size_t have = 0;
  while (have < size) {
    const Result<std::size_t> got = co_await channel.fill(kForever, nullptr);
    if (!got || *got == 0) break;
    kept.push_back(channel.share(channel.pending()));
    have += channel.pending().size();
    channel.consume(channel.pending().size());
  }
  co_await nursery.join();
  for (const Bytes& bytes : kept) echoed += bytes.view();
}

TEST(Channel, EchoesWholeAndInOrderWhateverTheWeather) {
  for (std::uint64_t seed = 1; seed <= 60; ++seed) {
    sim::World world(2, seed);
    world.weather().slice_max = seed % 3 == 0 ? 5 : 100000;
    world.weather().window = seed % 2 == 0 ? 777 : 300000;
    world.weather().delay_max = milliseconds(seed % 5);
    const std::size_t size = seed % 3 == 0 ? 3000 : 200000;
    CancelScope cancel;
    Result<std::unique_ptr<Listener>> listener =
        world.shard(1).network().listen(SocketAddress{"10.0.0.1", 80}, false);
    std::string echoed;
    world.start(1, [&] { return serve(**listener, cancel); });
    world.start(0, [&] { return client(SocketAddress{"10.0.0.1", 80}, size, echoed); });
    ASSERT_TRUE(world.run()) << "seed " << seed;
    ASSERT_EQ(echoed, pattern(size)) << "seed " << seed;
  }
}

TEST(Channel, EchoesOverRealSockets) {
  EpollShard server(0), caller(1);
  Result<std::unique_ptr<Listener>> listener =
      server.shard().network().listen(SocketAddress{"127.0.0.1", 0}, false);
  ASSERT_TRUE(listener.has_value());
  const SocketAddress address = (*listener)->address();
  ASSERT_NE(address.port, 0);
  CancelScope cancel;
  std::string echoed;
  Nursery server_nursery, caller_nursery;
  server.shard().post([&] {
    server_nursery.start([](Listener& l, CancelScope& c, EpollShard& s) -> Task<void> {
      co_await serve(l, c);
      s.stop();
    }(**listener, cancel, server));
  });
  caller.shard().post([&] {
    caller_nursery.start([](SocketAddress a, std::string& e, EpollShard& s) -> Task<void> {
      co_await client(a, 3000000, e);
      s.stop();
    }(address, echoed, caller));
  });
  std::thread other([&] { server.run(); });
  caller.run();
  other.join();
  EXPECT_EQ(echoed, pattern(3000000));
}

// Posts the beginning, then more, then writes the rest; what a post does not take is written.
Task<void> post_and_write(Channel& channel, const std::string& text) {
  const std::size_t steps[] = {5000, 9000, 12000, text.size()};
  std::size_t from = 0;
  for (const std::size_t to : steps) {
    const std::string part = text.substr(from, to - from);
    from = to;
    if (to != text.size() && channel.post(Bytes::copy_of(part))) continue;
    const bool good = co_await write_all(channel, part);
    if (!good) co_return;
  }
  channel.stream().shutdown_write();
}

Task<void> post_to(SocketAddress address, std::size_t size, std::string& echoed) {
  CancelScope cancel;
  Result<std::unique_ptr<Stream>> stream =
      co_await Shard::current().network().connect(address, kForever, cancel);
  if (!stream) co_return;
  Channel channel(std::move(*stream));
  const std::string text = pattern(size);
  Nursery nursery;
  nursery.start(post_and_write(channel, text));
  while (true) {
    const Result<std::size_t> got = co_await channel.fill(kForever, nullptr);
    if (!got || *got == 0) break;
    echoed += channel.pending();
    channel.consume(channel.pending().size());
  }
  co_await nursery.join();
}

TEST(Channel, WhatIsPostedGoesOutWholeAndBeforeWhatIsWrittenLater) {
  for (std::uint64_t seed = 1; seed <= 60; ++seed) {
    sim::World world(2, seed);
    world.weather().slice_max = seed % 3 == 0 ? 50 : 100000;
    world.weather().window = seed % 2 == 0 ? 777 : 300000;
    CancelScope cancel;
    Result<std::unique_ptr<Listener>> listener =
        world.shard(1).network().listen(SocketAddress{"10.0.0.1", 80}, false);
    std::string echoed;
    world.start(1, [&] { return serve(**listener, cancel); });
    world.start(0, [&] { return post_to(SocketAddress{"10.0.0.1", 80}, 20000, echoed); });
    ASSERT_TRUE(world.run()) << "seed " << seed;
    ASSERT_EQ(echoed, pattern(20000)) << "seed " << seed;
  }
}

TEST(Channel, WhatIsPostedGoesOutOverRealSockets) {
  EpollShard both(0);
  Result<std::unique_ptr<Listener>> listener =
      both.shard().network().listen(SocketAddress{"127.0.0.1", 0}, false);
  ASSERT_TRUE(listener.has_value());
  CancelScope cancel;
  std::string echoed;
  Nursery nursery;
  both.shard().post([&] {
    nursery.start(serve(**listener, cancel));
    nursery.start([](SocketAddress a, std::string& e, EpollShard& s) -> Task<void> {
      co_await post_to(a, 3000000, e);
      s.stop();
    }((*listener)->address(), echoed, both));
  });
  both.run();
  EXPECT_EQ(echoed, pattern(3000000));
}

TEST(Channel, SaysWhenNothingOfAPostWasSent) {
  for (const bool lost : {true, false}) {
    sim::World world(2, 7);
    CancelScope cancel;
    Result<std::unique_ptr<Listener>> listener =
        world.shard(1).network().listen(SocketAddress{"10.0.0.1", 80}, false);
    std::string seen;
    world.start(1, [&] { return serve(**listener, cancel); });
    world.start(0, [&] {
      return [](bool lose_it, std::string& note) -> Task<void> {
        CancelScope scope;
        Result<std::unique_ptr<Stream>> stream =
            co_await Shard::current().network().connect(SocketAddress{"10.0.0.1", 80}, kForever, scope);
        Stream& wire = **stream;
        Channel channel(std::move(*stream));
        note = channel.post(Bytes::of_static("ping")) ? "posted, " : "not posted, ";
        if (lose_it) sim::reset_connection(wire);
        const Result<std::size_t> got = co_await channel.fill(kForever, nullptr);
        note += got ? "answered" : "lost";
        if (channel.take_back()) note += ", unsent";
      }(lost, seen);
    });
    ASSERT_TRUE(world.run());
    EXPECT_EQ(seen, lost ? "posted, lost, unsent" : "posted, answered");
  }
}

Task<void> wait_and_note(Waiter& waiter, TimePoint deadline, CancelScope* cancel, std::vector<Wake>& log) {
  log.push_back(co_await waiter.wait(deadline, cancel));
}

TEST(Waiter, EndsByWakeDeadlineOrCancel) {
  sim::World world(1, 1);
  std::vector<Wake> log;
  Waiter a, b, c, d;
  CancelScope parent;
  CancelScope child(parent);
  const TimePoint start = world.now();
  world.start(0, [&] { return wait_and_note(a, start + milliseconds(50), &child, log); });
  world.start(0, [&] { return wait_and_note(b, start + milliseconds(20), &child, log); });
  world.start(0, [&] { return wait_and_note(c, kForever, &child, log); });
  d.wake();  // before anybody waits: kept
  world.start(0, [&] { return wait_and_note(d, kForever, nullptr, log); });
  world.at(start + milliseconds(10), world.shard(0), [&] { a.wake(); });
  world.at(start + milliseconds(30), world.shard(0), [&] { parent.cancel(); });
  ASSERT_TRUE(world.run());
  EXPECT_EQ(log, (std::vector<Wake>{Wake::ready, Wake::ready, Wake::deadline, Wake::cancelled}));
  EXPECT_EQ(world.now(), start + milliseconds(30));
  EXPECT_TRUE(child.cancelled());
}

TEST(Channel, RestsWithoutABufferAndFillTimesOut) {
  sim::World world(2, 3);
  CancelScope cancel;
  Result<std::unique_ptr<Listener>> listener =
      world.shard(1).network().listen(SocketAddress{"10.0.0.1", 80}, false);
  std::vector<std::string> log;
  world.start(1, [&]() -> Task<void> { return serve(**listener, cancel); });
  world.start(0, [&]() -> Task<void> {
    return [](std::vector<std::string>& notes) -> Task<void> {
      CancelScope scope;
      Result<std::unique_ptr<Stream>> stream =
          co_await Shard::current().network().connect(SocketAddress{"10.0.0.1", 80}, kForever, scope);
      Channel channel(std::move(*stream));
      const Result<std::size_t> late =
          co_await channel.fill(Shard::current().now() + milliseconds(5), nullptr);
      notes.push_back(late ? "bytes" : std::string(to_string(late.error().kind())));
      const Wake wake = co_await channel.rest(Shard::current().now() + milliseconds(5), nullptr);
      notes.push_back(wake == Wake::deadline ? "rested" : "woken");
      const std::string text = "ping";
      (void)co_await write_all(channel, text);
      const Wake woken = co_await channel.rest(kForever, nullptr);
      notes.push_back(woken == Wake::ready ? "woken" : "?");
      while (channel.pending().size() < 4) (void)co_await channel.fill(kForever, nullptr);
      notes.push_back(std::string(channel.pending()));
    }(log);
  });
  ASSERT_TRUE(world.run());
  EXPECT_EQ(log, (std::vector<std::string>{"deadline_exceeded", "rested", "woken", "ping"}));
}

TEST(Channel, APeersEndCancelsWhatItWaitsFor) {
  sim::World world(2, 5);
  Result<std::unique_ptr<Listener>> listener =
      world.shard(1).network().listen(SocketAddress{"10.0.0.1", 80}, false);
  bool cancelled = false;
  world.start(1, [&]() -> Task<void> {
    return [](Listener& l, bool& result) -> Task<void> {
      CancelScope scope;
      Result<std::unique_ptr<Stream>> stream = co_await l.accept(scope);
      Channel channel(std::move(*stream));
      CancelScope work;
      channel.arm();
      channel.on_end(&work);
      Waiter never;
      result = co_await never.wait(kForever, &work) == Wake::cancelled;
      channel.on_end(nullptr);
    }(**listener, cancelled);
  });
  world.start(0, [&]() -> Task<void> {
    return []() -> Task<void> {
      CancelScope scope;
      Result<std::unique_ptr<Stream>> stream =
          co_await Shard::current().network().connect(SocketAddress{"10.0.0.1", 80}, kForever, scope);
      (void)co_await Sleep(Shard::current().now() + milliseconds(9), nullptr);
    }();
  });
  ASSERT_TRUE(world.run());
  EXPECT_TRUE(cancelled);
}

TEST(Channel, SpeaksThroughPipes) {
  int there[2], back[2];
  ASSERT_EQ(pipe2(there, O_CLOEXEC | O_NONBLOCK), 0);
  ASSERT_EQ(pipe2(back, O_CLOEXEC | O_NONBLOCK), 0);
  EpollShard shard(0);
  std::string got;
  Nursery nursery;
  shard.shard().post([&] {
    nursery.start([](int read_fd, int write_fd, int far_read, int far_write, std::string& text,
                     EpollShard& s) -> Task<void> {
      Network& network = Shard::current().network();
      Result<std::unique_ptr<Stream>> near = network.adopt(read_fd, write_fd, "near");
      Result<std::unique_ptr<Stream>> far = network.adopt(far_read, far_write, "far");
      Channel here(std::move(*near)), there_channel(std::move(*far));
      const std::string big = pattern(300000);  // more than a pipe holds
      Nursery writer;
      writer.start(send_it(here, big));
      while (text.size() < big.size()) {
        const Result<std::size_t> size = co_await there_channel.fill(kForever, nullptr);
        if (!size || *size == 0) break;
        text += there_channel.pending();
        there_channel.consume(there_channel.pending().size());
      }
      co_await writer.join();
      // An end of one half takes nothing of what the other has heard, nor what it will hear.
      there_channel.arm();
      there_channel.stream().shutdown_write();
      here.stream().shutdown_write();
      const Result<std::size_t> end = co_await there_channel.fill(kForever, nullptr);
      if (!end || *end != 0) text += "no end";
      s.stop();
    }(back[0], there[1], there[0], back[1], got, shard));
  });
  shard.run();
  EXPECT_EQ(got, pattern(300000));
}

TEST(Network, RefusesWhereNobodyListens) {
  sim::World world(1, 1);
  std::string seen;
  world.start(0, [&]() -> Task<void> {
    return [](std::string& note) -> Task<void> {
      CancelScope scope;
      const Result<std::unique_ptr<Stream>> stream =
          co_await Shard::current().network().connect(SocketAddress{"10.0.0.9", 80}, kForever, scope);
      note = stream ? "connected" : std::string(to_string(stream.error().kind()));
    }(seen);
  });
  ASSERT_TRUE(world.run());
  EXPECT_EQ(seen, "unreachable");
}

}  // namespace
}  // namespace weir
