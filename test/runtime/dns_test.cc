// Look-ups over the real loop, from a name server of our own on the same shard.
#include "runtime/dns.h"

#include <arpa/inet.h>
#include <gtest/gtest.h>
#include <netinet/in.h>
#include <sys/socket.h>
#include <unistd.h>

#include <algorithm>
#include <cstdlib>
#include <map>

#include "runtime/channel.h"
#include "runtime/epoll_loop.h"
#include "runtime/hosts_file.h"
#include "runtime/nursery.h"

namespace weir {
namespace {

using std::chrono::milliseconds;
using std::chrono::seconds;
using List = std::vector<std::string>;

constexpr int kA = 1, kAaaa = 28;

void put16(std::string& out, unsigned value) {
  out += static_cast<char>(value >> 8);
  out += static_cast<char>(value & 0xff);
}

struct Record {
  std::string address;
  unsigned ttl = 1;
};
struct Answer {
  int code = 0;
  std::vector<Record> records;
  bool silent = false;
};

// Answers by UDP what it is told, and what is long by TCP only, in small pieces.
class NameServer final : public Watcher {
 public:
  explicit NameServer(EpollShard& loop) : loop_(loop) {
    fd_ = ::socket(AF_INET, SOCK_DGRAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
    sockaddr_in own{};
    own.sin_family = AF_INET;
    own.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    socklen_t size = sizeof own;
    EXPECT_EQ(::bind(fd_, reinterpret_cast<const sockaddr*>(&own), size), 0);
    EXPECT_EQ(::getsockname(fd_, reinterpret_cast<sockaddr*>(&own), &size), 0);
    port_ = ntohs(own.sin_port);
    EXPECT_TRUE(loop_.watch(fd_, *this));
  }
  ~NameServer() {
    loop_.unwatch(fd_, *this);
    ::close(fd_);
  }
  NameServer(const NameServer&) = delete;
  NameServer& operator=(const NameServer&) = delete;

  std::string address() const { return "127.0.0.1:" + std::to_string(port_); }
  std::uint16_t port() const { return port_; }
  std::map<std::pair<std::string, int>, Answer> answers;  // what is not there is NXDOMAIN
  List asked;

  void on_events(std::uint32_t) noexcept override {
    while (true) {
      std::array<char, 1024> bytes{};
      sockaddr_in from{};
      socklen_t size = sizeof from;
      auto* to = reinterpret_cast<sockaddr*>(&from);
      const ssize_t got = ::recvfrom(fd_, bytes.data(), bytes.size(), 0, to, &size);
      if (got < 0) return;
      std::string reply = answer(std::string_view(bytes.data(), static_cast<std::size_t>(got)));
      if (reply.size() > 512) {
        reply[2] = static_cast<char>(reply[2] | 0x02);  // truncated
        reply[6] = reply[7] = 0;
        reply.resize(question_end_);
      }
      if (reply.empty()) continue;
      EXPECT_GT(::sendto(fd_, reply.data(), reply.size(), 0, to, size), 0);
    }
  }

  // One question over TCP.
  Task<void> serve_stream(CancelScope& stop) {
    auto listener = Shard::current().network().listen(SocketAddress("127.0.0.1", port_), false);
    EXPECT_TRUE(listener.has_value());
    if (!listener) co_return;
    while (true) {
      Result<std::unique_ptr<Stream>> stream = co_await (*listener)->accept(stop);
      if (!stream) co_return;
      Channel channel(std::move(*stream));
      while (channel.pending().size() < 2 || channel.pending().size() < 2U + length(channel.pending())) {
        const Result<std::size_t> more = co_await channel.fill(kForever, &stop);
        if (!more || *more == 0) co_return;
      }
      const std::string reply = answer(channel.pending().substr(2));
      std::string framed;
      put16(framed, static_cast<unsigned>(reply.size()));
      framed += reply;
      for (std::size_t at = 0; at < framed.size(); at += piece_size) {
        const iovec piece{framed.data() + at, std::min(piece_size, framed.size() - at)};
        if (!co_await channel.write(std::span<const iovec>(&piece, 1), kForever, &stop)) co_return;
        co_await Sleep(Shard::current().now() + milliseconds(1), &stop);
      }
      ++streamed;
    }
  }
  int streamed = 0;
  std::size_t piece_size = 700;  // of what is sent over TCP

 private:
  static unsigned length(std::string_view bytes) {
    return static_cast<unsigned char>(bytes[0]) * 256U + static_cast<unsigned char>(bytes[1]);
  }

  std::string answer(std::string_view query) {
    std::size_t at = 12;
    std::string name;
    while (query[at] != 0) {
      const auto size = static_cast<std::size_t>(query[at]);
      name += (name.empty() ? "" : ".") + std::string(query.substr(at + 1, size));
      at += size + 1;
    }
    question_end_ = at + 5;
    const int type = static_cast<int>(length(query.substr(at + 1)));
    asked.push_back(name + (type == kA ? " A" : " AAAA"));
    const auto found = answers.find({name, type});
    Answer none;
    none.code = 3;
    const Answer& answer = found == answers.end() ? none : found->second;
    if (answer.silent) return {};
    std::string out(query.substr(0, 2));
    put16(out, 0x8180U | static_cast<unsigned>(answer.code));
    put16(out, 1);
    put16(out, static_cast<unsigned>(answer.records.size()));
    put16(out, 0);
    put16(out, 0);
    out += query.substr(12, at - 12 + 5);
    for (const Record& record : answer.records) {
      put16(out, 0xc00c);
      put16(out, static_cast<unsigned>(type));
      put16(out, 1);
      put16(out, record.ttl >> 16);
      put16(out, record.ttl & 0xffff);
      std::array<char, 16> bytes{};
      const int family = type == kA ? AF_INET : AF_INET6;
      EXPECT_EQ(::inet_pton(family, record.address.c_str(), bytes.data()), 1);
      const std::size_t size = type == kA ? 4 : 16;
      put16(out, static_cast<unsigned>(size));
      out.append(bytes.data(), size);
    }
    return out;
  }

  EpollShard& loop_;
  int fd_ = -1;
  std::uint16_t port_ = 0;
  std::size_t question_end_ = 0;
};

// Runs `task` on a real shard, with a name server there, to its end.
void with_server(std::function<Task<void>(EpollShard&, NameServer&)> task) {
  EpollShard loop(0);
  Nursery nursery;
  std::unique_ptr<NameServer> server;
  struct Run {
    static Task<void> all(std::function<Task<void>(EpollShard&, NameServer&)>& work, EpollShard& on,
                          NameServer& names) {
      co_await work(on, names);
      on.stop();
    }
  };
  loop.shard().post([&] {
    server = std::make_unique<NameServer>(loop);
    nursery.start(Run::all(task, loop, *server));
  });
  loop.run();
  server.reset();
}

Task<Result<NameAnswer>> look_up(EpollShard& loop, NameServer& server, std::string host,
                                 Duration patience = seconds(30)) {
  CancelScope never;
  std::string address = server.address();
  co_return co_await dns_look_up(loop, std::move(host), std::move(address), loop.shard().now() + patience,
                                 never);
}

Answer of(std::vector<Record> records) {
  Answer answer;
  answer.records = std::move(records);
  return answer;
}
Answer failing(int code) {
  Answer answer;
  answer.code = code;
  return answer;
}

// What was found, or why nothing was.
std::string told(const Result<NameAnswer>& answer) {
  if (!answer) return answer.error().detail();
  std::string out;
  for (const std::string& address : answer->addresses) out += address + ' ';
  out += std::to_string(answer->ttl.count());
  if (answer->no_ipv4) out += " no4";
  if (answer->no_ipv6) out += " no6";
  return out;
}

Task<void> addresses_of_both(EpollShard& loop, NameServer& server) {
  server.answers[{"a.test", kA}] = of({{"10.0.0.2", 60}, {"10.0.0.1", 7}, {"10.0.0.2", 60}});
  server.answers[{"a.test", kAaaa}] = of({});
  server.answers[{"six.test", kA}] = of({});
  server.answers[{"six.test", kAaaa}] = of({{"fd00::1", 100000}, {"fd00:0:0::2", 200000}});
  server.answers[{"zero.test", kA}] = of({{"10.0.0.1", 0}});
  EXPECT_EQ(told(co_await look_up(loop, server, "a.test")), "10.0.0.1 10.0.0.2 7");
  EXPECT_EQ(told(co_await look_up(loop, server, "a.test.")), "10.0.0.1 10.0.0.2 7");
  EXPECT_EQ(told(co_await look_up(loop, server, "six.test")), "fd00::1 fd00::2 100000");
  EXPECT_EQ(told(co_await look_up(loop, server, "zero.test")), "10.0.0.1 0");
  EXPECT_EQ(server.asked.size(), 8u);
}

TEST(Dns, AllAddressesAndTheLeastTtl) { with_server(addresses_of_both); }

Task<void> nobody_asked(EpollShard& loop, NameServer& server) {
  EXPECT_EQ(told(co_await look_up(loop, server, "10.1.2.3")), "10.1.2.3 30");
  EXPECT_EQ(told(co_await look_up(loop, server, "fd00::7")), "fd00::7 30");
  const Result<NameAnswer> local = co_await look_up(loop, server, "LocalHost");
  EXPECT_TRUE(local.has_value());
  if (local) {
    EXPECT_EQ(std::count(local->addresses.begin(), local->addresses.end(), "127.0.0.1"), 1);
    EXPECT_EQ(local->ttl, kHostsTtl);
  }
  EXPECT_TRUE(server.asked.empty());
}

TEST(Dns, NumbersAndTheHostsFileAskNobody) { with_server(nobody_asked); }

Task<void> failures(EpollShard& loop, NameServer& server) {
  for (const auto& [code, reason] : std::map<int, std::string>{{2, "the name servers refuse or fail"},
                                                               {3, "no such name"},
                                                               {4, "the name servers refuse or fail"},
                                                               {5, "the name servers refuse or fail"}}) {
    server.answers[{"a.test", kA}] = server.answers[{"a.test", kAaaa}] = failing(code);
    EXPECT_EQ(told(co_await look_up(loop, server, "a.test")), "cannot resolve a.test: " + reason) << code;
  }
  server.answers[{"a.test", kA}] = server.answers[{"a.test", kAaaa}] = of({});
  EXPECT_EQ(told(co_await look_up(loop, server, "a.test")), "cannot resolve a.test: it has no address");
  EXPECT_EQ(told(co_await look_up(loop, server, "-..bad..name")),
            "cannot resolve -..bad..name: no such name");
  Answer silent;
  silent.silent = true;
  server.answers[{"a.test", kA}] = server.answers[{"a.test", kAaaa}] = silent;
  const Result<NameAnswer> late = co_await look_up(loop, server, "a.test", milliseconds(50));
  EXPECT_EQ(late.error().kind(), Error::Kind::deadline_exceeded);
  EXPECT_EQ(late.error().sent(), Error::Sent::no);
  EXPECT_EQ(told(co_await look_up(loop, server, "a.test")),
            "cannot resolve a.test: no name server answers in time");
}

TEST(Dns, WhyThereIsNone) { with_server(failures); }

Task<void> one_family(EpollShard& loop, NameServer& server) {
  server.answers[{"a.test", kA}] = of({{"10.0.0.1", 9}});
  server.answers[{"a.test", kAaaa}] = failing(2);
  EXPECT_EQ(told(co_await look_up(loop, server, "a.test")), "10.0.0.1 9 no6");
  server.answers[{"a.test", kA}] = failing(2);
  server.answers[{"a.test", kAaaa}] = of({{"fd00::1", 9}});
  EXPECT_EQ(told(co_await look_up(loop, server, "a.test")), "fd00::1 9 no4");
  server.answers[{"a.test", kAaaa}] = of({});
  EXPECT_EQ(told(co_await look_up(loop, server, "a.test")),
            "cannot resolve a.test: the name servers refuse or fail");
}

TEST(Dns, AFamilyWithoutAnAnswerIsNotOneWithoutAddresses) { with_server(one_family); }

Task<void> searched(EpollShard& loop, NameServer& server) {
  server.answers[{"tools.two.test", kA}] = of({{"10.0.0.2", 5}});
  server.answers[{"tools.two.test", kAaaa}] = of({});
  server.answers[{"tools.three.test", kAaaa}] = of({{"fd00::3", 5}});  // another one's
  EXPECT_EQ(told(co_await look_up(loop, server, "tools")), "10.0.0.2 5");
  EXPECT_EQ(std::count(server.asked.begin(), server.asked.end(), "tools.one.test A"), 1);
  EXPECT_EQ(std::count(server.asked.begin(), server.asked.end(), "tools.three.test AAAA"), 0);
  // Whether it is there is not known: nobody else's is taken.
  server.answers[{"tools.one.test", kA}] = server.answers[{"tools.one.test", kAaaa}] = failing(2);
  EXPECT_EQ(told(co_await look_up(loop, server, "tools")),
            "cannot resolve tools: the name servers refuse or fail");
  EXPECT_EQ(told(co_await look_up(loop, server, "tools.")), "cannot resolve tools.: no such name");
}

TEST(Dns, TheSearchListIsGoneThrough) {
  ::setenv("LOCALDOMAIN", "one.test two.test three.test", 1);
  with_server(searched);
  ::unsetenv("LOCALDOMAIN");
}

Task<void> many(EpollShard& loop, NameServer& server) {
  std::vector<Record> records;
  for (int i = 0; i < 300; ++i)
    records.push_back({"10.0." + std::to_string(i / 256) + '.' + std::to_string(i % 256), 5});
  server.answers[{"a.test", kA}] = of(std::move(records));
  server.answers[{"a.test", kAaaa}] = of({});
  CancelScope stop;
  Nursery serving;
  serving.start(server.serve_stream(stop));
  for (const std::size_t size : {std::size_t{700}, std::size_t{100'000}}) {
    server.piece_size = size;
    const Result<NameAnswer> found = co_await look_up(loop, server, "a.test");
    EXPECT_TRUE(found.has_value()) << told(found);
    EXPECT_EQ(found ? found->addresses.size() : 0, 300u);
  }
  stop.cancel();
  co_await serving.join();
  EXPECT_EQ(server.streamed, 2);
}

TEST(Dns, ALongAnswerComesByTcp) { with_server(many); }

Task<void> given_up(EpollShard& loop, NameServer& server) {
  Answer silent;
  silent.silent = true;
  server.answers[{"a.test", kA}] = server.answers[{"a.test", kAaaa}] = silent;
  CancelScope scope;
  struct Stop {
    static Task<void> soon(CancelScope& what) {
      co_await Sleep(Shard::current().now() + milliseconds(5), nullptr);
      what.cancel();
    }
  };
  Nursery stopping;
  stopping.start(Stop::soon(scope));
  std::string host = "a.test";
  std::string address = server.address();
  const Result<NameAnswer> none =
      co_await dns_look_up(loop, std::move(host), std::move(address), kForever, scope);
  co_await stopping.join();
  EXPECT_EQ(none.error().kind(), Error::Kind::cancelled);
}

TEST(Dns, CancelledOnTheWay) { with_server(given_up); }

}  // namespace
}  // namespace weir
