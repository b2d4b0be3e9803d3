// The client connection in the simulator: what a client sees for what it sends, in good and bad weather.
#include "http/server.h"

#include <gtest/gtest.h>

#include <functional>

#include "runtime/nursery.h"
#include "sim/sim_world.h"

namespace weir {
namespace {

using std::chrono::milliseconds;
using std::chrono::seconds;

const SocketAddress kHere("10.0.0.1", 80);

// Answers with the method, target and body; "/events" streams; "/wait" waits for the client to leave.
class Echo final : public HttpHandler {
 public:
  int admit(const RequestHead& head, std::string& reason) override {
    if (head.target == "/post" && head.method != "POST") {
      reason = "only POST";
      return 405;
    }
    if (head.target != "/closed") return 0;
    reason = "closed \"here\"";
    return 403;
  }
  std::string refusal_fields(int status, const RequestHead&) const override {
    return status == 405 ? "Allow: POST\r\n" : "";
  }
  Task<void> handle(HttpRequest& request, HttpResponder& responder, CancelScope& gone) override {
    seen.push_back(std::string(request.head.method) + " " + std::string(request.body.substr(0, 20)));
    if (request.head.target == "/wait") {
      Waiter never;
      left = co_await never.wait(kForever, &gone) == Wake::cancelled;
    } else if (request.head.target == "/events") {
      bool good = (co_await responder.begin_events({})).has_value();
      for (int i = 0; i < 3 && good; ++i)
        good = (co_await responder.event("{\"n\":" + std::to_string(i) + "}", {})).has_value();
      if (good) good = (co_await responder.end()).has_value();
      EXPECT_TRUE(good);
    } else {
      const std::string text =
          request.head.target == "/big" ? std::string(200000, 'b') : std::string(request.body);
      const std::string_view pieces[] = {"<", text, ">"};
      const Result<void> sent = co_await responder.respond(200, "text/plain", "X-A: b\r\n", pieces);
      (void)sent.has_value();
    }
  }
  std::vector<std::string> seen;
  bool left = false;
};

Task<void> listen(Echo& echo, const HttpServerLimits& limits, CancelScope& stop) {
  Result<std::unique_ptr<Listener>> listener = Shard::current().network().listen(kHere, false);
  IdleList idle;
  Nursery nursery;
  while (true) {
    Result<std::unique_ptr<Stream>> stream = co_await (*listener)->accept(stop);
    if (!stream) break;
    nursery.start(serve_http(std::move(*stream), echo, limits, stop, idle));
  }
  co_await nursery.join();
}

// Sends `text`, in two parts with a pause between if `cut` is inside, and notes all that comes until the end
// or `wait`.
Task<void> talk(std::string text, std::size_t cut, Duration pause, Duration wait, std::string& answer,
                CancelScope& stop) {
  CancelScope scope;
  Result<std::unique_ptr<Stream>> stream =
      co_await Shard::current().network().connect(kHere, kForever, scope);
  {
    Channel channel(std::move(*stream));
    cut = std::min(cut, text.size());
    const iovec first{text.data(), cut};
    const iovec second{text.data() + cut, text.size() - cut};
    bool good = (co_await channel.write(std::span<const iovec>(&first, 1), kForever, nullptr)).has_value();
    if (cut != 0 && pause.count() != 0) (void)co_await Sleep(Shard::current().now() + pause, nullptr);
    if (good)
      good = (co_await channel.write(std::span<const iovec>(&second, 1), kForever, nullptr)).has_value();
    const TimePoint until = Shard::current().now() + wait;
    while (true) {
      const Result<std::size_t> got = co_await channel.fill(until, nullptr);
      if (!got || *got == 0) {
        answer += got ? "<end>" : "";
        break;
      }
      answer += channel.pending();
      channel.consume(channel.pending().size());
    }
  }
  (void)co_await Sleep(Shard::current().now() + milliseconds(20), nullptr);
  stop.cancel();
}

struct Outcome {
  std::string answer;
  std::vector<std::string> seen;
  bool left = false;
  TimePoint begin, end;
};

Outcome run(const std::string& text, std::uint64_t seed = 1, std::size_t cut = 0, Duration pause = {},
            Duration wait = seconds(200), const HttpServerLimits& limits = {}) {
  sim::World world(1, seed);
  world.weather().slice_max = seed % 3 == 0 ? 7 : 100000;
  world.weather().window = seed % 4 == 1 ? 555 : 400000;
  world.weather().delay_max = milliseconds(seed % 3);
  Echo echo;
  CancelScope stop;
  Outcome result;
  result.begin = world.now();
  world.start(0, [&] { return listen(echo, limits, stop); });
  world.start(0, [&] { return talk(text, cut, pause, wait, result.answer, stop); });
  EXPECT_TRUE(world.run()) << "seed " << seed;
  result.end = world.now();
  result.seen = echo.seen;
  result.left = echo.left;
  return result;
}

std::string post(std::string_view body, std::string_view fields = {}) {
  return "POST /x HTTP/1.1\r\nHost: a\r\n" + std::string(fields) +
         "Content-Length: " + std::to_string(body.size()) + "\r\n\r\n" + std::string(body);
}

std::string ok(std::string_view body, std::string_view more = {}) {
  return "HTTP/1.1 200 OK\r\nContent-Type: text/plain\r\nContent-Length: " + std::to_string(body.size() + 2) +
         "\r\nX-A: b\r\n" + std::string(more) + "\r\n<" + std::string(body) + ">";
}

TEST(HttpServer, AnswersPipelinedRequestsInOrderHoweverTheyAreCut) {
  const std::string text = post("one") + post("") + post("three", "Connection: close\r\n");
  const std::string wanted = ok("one") + ok("") + ok("three", "Connection: close\r\n") + "<end>";
  for (std::size_t cut = 0; cut < text.size(); cut += 3)
    ASSERT_EQ(run(text, cut + 1, cut, milliseconds(3)).answer, wanted) << cut;
}

TEST(HttpServer, CarriesLargeBodiesBothWays) {
  const std::string body(150000, 'x');
  for (std::uint64_t seed = 1; seed <= 8; ++seed)
    ASSERT_EQ(run(post(body, "Connection: close\r\n"), seed).answer,
              ok(body, "Connection: close\r\n") + "<end>")
        << seed;
  const std::string big = run("GET /big HTTP/1.1\r\nHost: a\r\nConnection: close\r\n\r\n", 5).answer;
  EXPECT_EQ(big, ok(std::string(200000, 'b'), "Connection: close\r\n") + "<end>");
}

TEST(HttpServer, ReadsChunkedBodiesAndWhatFollows) {
  const std::string text =
      "POST /x HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\n3\r\nabc\r\n2;x\r\nde\r\n0\r\nT: "
      "u\r\n\r\n" +
      post("next", "Connection: close\r\n");
  for (std::uint64_t seed = 1; seed <= 9; ++seed)
    ASSERT_EQ(run(text, seed).answer, ok("abcde") + ok("next", "Connection: close\r\n") + "<end>") << seed;
}

TEST(HttpServer, StreamsEvents) {
  const std::string answer =
      run("GET /events HTTP/1.1\r\nHost: a\r\n\r\n" + post("y", "Connection: close\r\n")).answer;
  EXPECT_NE(answer.find("Content-Type: text/event-stream\r\n"), std::string::npos);
  EXPECT_NE(answer.find("\r\n\r\nf\r\ndata: {\"n\":0}\n\n\r\nf\r\ndata: {\"n\":1}\n\n\r\nf\r\ndata: "
                        "{\"n\":2}\n\n\r\n0\r\n\r\nHTTP/1.1 200"),
            std::string::npos)
      << answer;
  const std::string old = run("GET /events HTTP/1.0\r\nHost: a\r\n\r\n").answer;
  EXPECT_NE(old.find("Connection: close\r\n\r\ndata: {\"n\":0}\n\ndata:"), std::string::npos) << old;
  EXPECT_TRUE(old.ends_with("<end>"));
}

TEST(HttpServer, RefusesWithAReasonAndCloses) {
  struct Case {
    std::string text;
    const char* status;
  };
  const Case cases[] = {
      {"nonsense\r\n\r\n", "HTTP/1.1 400 "},
      {"GET /closed HTTP/1.1\r\nHost: a\r\nContent-Length: 3\r\n\r\nabc", "HTTP/1.1 403 "},
      {"POST /x HTTP/1.1\r\nHost: a\r\nContent-Length: 99999999\r\n\r\n", "HTTP/1.1 413 "},
      {"POST /x HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\n400001\r\n" +
           std::string(0x400001, 'x') + "\r\n0\r\n\r\n",
       "HTTP/1.1 413 "},
      {"POST /x HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\nzz\r\n", "HTTP/1.1 400 "},
      {"POST /x HTTP/1.1\r\nHost: a\r\nExpect: tea\r\nContent-Length: 3\r\n\r\nabc", "HTTP/1.1 417 "},
  };
  for (const Case& bad : cases) {
    const Outcome refused = run(bad.text);
    EXPECT_TRUE(refused.answer.starts_with(bad.status)) << refused.answer;
    EXPECT_NE(refused.answer.find("Connection: close\r\n"), std::string::npos);
    EXPECT_NE(refused.answer.find("{\"error\":\""), std::string::npos);
    EXPECT_TRUE(refused.answer.ends_with("<end>")) << refused.answer;
    EXPECT_TRUE(refused.seen.empty());
  }
}

TEST(HttpServer, SaysContinueOnlyWhenTheBodyIsAwaited) {
  const std::string head =
      "POST /x HTTP/1.1\r\nHost: a\r\nConnection: close\r\nExpect: 100-continue\r\nContent-Length: 3\r\n\r\n";
  const std::string waited = run(head + "abc", 2, head.size(), milliseconds(50)).answer;
  EXPECT_TRUE(waited.starts_with("HTTP/1.1 100 Continue\r\n\r\nHTTP/1.1 200 OK")) << waited;
  EXPECT_TRUE(run(head + "abc", 4).answer.starts_with("HTTP/1.1 200 OK"));
}

TEST(HttpServer, KeepsAbsoluteDeadlines) {
  const std::string text = post("abcdef");
  const Outcome slow_head = run(text, 2, 10, seconds(20));
  EXPECT_TRUE(slow_head.answer.starts_with("HTTP/1.1 408 ")) << slow_head.answer;
  const Outcome slow_body = run(text, 2, text.size() - 3, seconds(40));
  EXPECT_TRUE(slow_body.answer.starts_with("HTTP/1.1 408 ")) << slow_body.answer;
  const Outcome idle = run(text, 2);
  EXPECT_EQ(idle.answer, ok("abcdef") + "<end>");
  EXPECT_GE(idle.end - idle.begin, seconds(60));
  EXPECT_LE(idle.end - idle.begin, seconds(62));
}

// The head's bytes move when the body's room is made: what is refused afterwards must not look at them.
TEST(HttpServer, RefusesABodyThatStallsAfterItsHeadHasMoved) {
  const std::string head = "POST /x HTTP/1.1\r\nHost: a\r\nContent-Length: 3000000\r\n\r\n";
  const std::string text = head + std::string(90000, 'b');
  const Outcome stalled = run(text, 2, head.size() + 8000, milliseconds(500));
  EXPECT_TRUE(stalled.answer.starts_with("HTTP/1.1 408 ")) << stalled.answer;
}

TEST(HttpServer, ServesAConnectionThatRested) {
  const std::string text = post("early") + post("late", "Connection: close\r\n");
  EXPECT_EQ(run(text, 2, post("early").size(), seconds(30)).answer,
            ok("early") + ok("late", "Connection: close\r\n") + "<end>");
}

TEST(HttpServer, TellsTheHandlerThatTheClientLeft) {
  const Outcome gone = run("GET /wait HTTP/1.1\r\nHost: a\r\n\r\n", 2, 0, {}, milliseconds(100));
  EXPECT_TRUE(gone.left);
}

}  // namespace
}  // namespace weir
