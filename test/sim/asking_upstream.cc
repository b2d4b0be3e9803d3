#include "sim/asking_upstream.h"

#include "runtime/nursery.h"
#include "runtime/shard.h"

namespace weir::sim {
namespace {

using std::chrono::milliseconds;
using std::chrono::seconds;

constexpr std::string_view kEventsHead =
    "HTTP/1.1 200 OK\r\nContent-Type: text/event-stream\r\nTransfer-Encoding: chunked\r\n\r\n";
constexpr std::string_view kLastChunk = "0\r\n\r\n";

std::string event_of(std::string_view json) { return chunk_of("data: " + std::string(json) + "\n\n"); }

// One of the three questions, as members of a request.
std::string question(std::size_t kind, const std::string& nonce) {
  if (kind == 0)
    return R"("method":"elicitation/create","params":{"message":")" + nonce +
           R"(","requestedSchema":{"type":"object","properties":{"n":{"type":"string"}}}})";
  if (kind == 1)
    return R"("method":"sampling/createMessage","params":{"messages":[{"role":"user","content":{"type":"text","text":")" +
           nonce + R"("}}],"maxTokens":5})";
  return R"("method":"roots/list","params":{"_meta":{"x":")" + nonce + R"("}})";
}

}  // namespace

Task<bool> AskingUpstream::take(PlainHttp& http, const PlainMessage& request, CancelScope& stop) {
  const std::string session = request.field("mcp-session-id");
  if (request.start.starts_with("GET ")) co_return co_await http.write(answer(405, ""), &stop);
  if (request.start.starts_with("DELETE ")) {
    const std::string ended = answer(sessions_.erase(session) != 0 ? 200 : 404, "");
    co_return co_await http.write(ended, &stop);
  }
  const auto message = Message::index(Bytes::copy_of(request.body), JsonLimits(), Message::From::client);
  if (!message) {
    blame("was sent no message: " + request.body);
    co_return false;
  }
  if (message->is_response()) heard(session, *message);
  if (!message->is_request()) co_return co_await http.write(answer(202, ""), &stop);
  const std::string method(message->method());
  if (method == "server/discover" || method == "initialize") co_return co_await greet(http, *message, stop);
  if (options_.old_era && !sessions_.contains(session))
    co_return co_await http.write(answer(404, "no such session"), &stop);
  const std::string start = R"({"jsonrpc":"2.0","id":)" + std::string(message->raw_id());
  if (method == "tools/list") {
    std::string body = start + R"(,"result":{"tools":[{"name":"ask","inputSchema":{"type":"object"}}])";
    if (!options_.old_era) body += R"(,"resultType":"complete","ttlMs":0,"cacheScope":"private")";
    co_return co_await http.write(answer(200, body + "}}"), &stop);
  }
  if (method == "tools/call") {
    if (options_.old_era) co_return co_await call_old(http, *message, session, stop);
    co_return co_await call_new(http, *message, stop);
  }
  co_return co_await http.write(answer(200, start + R"(,"error":{"code":-32601,"message":"what?"}})"), &stop);
}

Task<bool> AskingUpstream::greet(PlainHttp& http, const Message& message, CancelScope& stop) {
  const std::string start = R"({"jsonrpc":"2.0","id":)" + std::string(message.raw_id());
  if (message.method() == "server/discover") {
    if (options_.old_era)
      co_return co_await http.write(answer(400, start + R"(,"error":{"code":-32600,"message":"who?"}})"),
                                    &stop);
    co_return co_await http.write(
        answer(200, start + R"(,"result":{"resultType":"complete","supportedVersions":["2026-07-28"],)"
                            R"("capabilities":{"tools":{}},"ttlMs":0,"cacheScope":"private"}})"),
        &stop);
  }
  const std::string session = options_.name + std::to_string(next_session_++);
  sessions_[session];
  co_return co_await http.write(
      answer(200,
             start + R"(,"result":{"protocolVersion":"2025-11-25","capabilities":{"tools":{}},)"
                     R"("serverInfo":{"name":"s","version":"1"}}})",
             "Mcp-Session-Id: " + session + "\r\n"),
      &stop);
}

void AskingUpstream::check(std::string_view given, const std::string& nonce) {
  ++answers_;
  for (const std::string& other : nonces_in(given))
    if (other != nonce) blame(nonce + " was answered by " + other);
}

// An answer finds its question by session and id, once.
void AskingUpstream::heard(const std::string& session, const Message& given) {
  const auto at = sessions_.find(session);
  if (at == sessions_.end()) return;  // it has gone meanwhile
  const auto found = at->second.open.find(std::string(given.raw_id()));
  if (found == at->second.open.end()) return blame("answer to nothing: " + std::string(given.text()));
  if (found->second.answered) blame("second answer to " + found->second.nonce);
  found->second.answered = true;
  check(given.text(), found->second.nonce);
}

std::string AskingUpstream::result(std::string_view id, const std::string& nonce) const {
  return R"({"jsonrpc":"2.0","id":)" + std::string(id) + R"(,"result":{"content":[{"type":"text","text":")" +
         nonce + "\"}]" + (options_.old_era ? "" : R"(,"resultType":"complete")") + "}}";
}

Task<bool> AskingUpstream::call_old(PlainHttp& http, const Message& message, const std::string& session,
                                    CancelScope& stop) {
  const std::vector<std::string> nonces = nonces_in(message.param().find("arguments"));
  if (nonces.empty()) {
    blame("was sent a mangled call");
    co_return false;
  }
  const std::string nonce = nonces.front();
  bool good = co_await http.write(std::string(kEventsHead), &stop);
  const std::size_t rounds = draw(4);
  for (std::size_t round = 0; round < rounds && good; ++round) {
    std::vector<std::string> asked;
    const std::size_t count = 1 + draw(3);
    for (std::size_t i = 0; i < count && good; ++i) {
      OldSession& mine = sessions_[session];
      const std::string id = std::to_string(mine.next_id++);
      mine.open[id].nonce = nonce;
      asked.push_back(id);
      ++questions_;
      if (chance(20)) (void)co_await Sleep(world_.now() + milliseconds(draw(20)), &stop);
      good = co_await http.write(
          event_of(R"({"jsonrpc":"2.0","id":)" + id + "," + question(draw(3), nonce) + "}"), &stop);
    }
    if (chance(options_.trouble)) {
      if (chance(50)) http.reset();
      co_return false;
    }
    if (chance(10)) break;  // it answers without waiting
    if (good && chance(10)) {
      sessions_[session].open[asked[0]].taken_back = true;
      good = co_await http.write(
          event_of(R"({"jsonrpc":"2.0","method":"notifications/cancelled","params":{"requestId":)" +
                   asked[0] + "}}"),
          &stop);
    }
    const TimePoint until = world_.now() + seconds(15);
    while (good && world_.now() < until && !stop.cancelled()) {
      const auto at = sessions_.find(session);
      if (at == sessions_.end()) co_return false;
      bool waits = false;
      for (const std::string& id : asked) {
        const Question& one = at->second.open[id];
        waits = waits || (!one.answered && !one.taken_back);
      }
      if (!waits) break;
      (void)co_await Sleep(world_.now() + milliseconds(5), &stop);
    }
  }
  if (!good) co_return false;
  co_return co_await http.write(event_of(result(message.raw_id(), nonce)) + std::string(kLastChunk), &stop);
}

// It keeps nothing: its state says how far the call has come, and whose it is.
Task<bool> AskingUpstream::call_new(PlainHttp& http, const Message& message, CancelScope& stop) {
  const std::vector<std::string> nonces = nonces_in(message.param().find("arguments"));
  if (nonces.empty()) {
    blame("was sent a mangled call");
    co_return false;
  }
  const std::string nonce = nonces.front();
  const std::string state(message.param().find("requestState"));
  const std::string_view given = message.param().find("inputResponses");
  std::size_t left = draw(4);
  if (!state.empty()) {
    const std::vector<std::string> whose = nonces_in(state);
    if (whose.size() != 1 || whose[0] != nonce) blame(nonce + " came with the state " + state);
    left = static_cast<std::size_t>(std::atoi(state.c_str() + 1));
  }
  if (!given.empty()) {
    if (state.empty()) blame(nonce + " has answers but no state");
    check(given, nonce);
  }
  if (chance(options_.trouble)) {
    if (chance(50)) http.reset();
    co_return false;
  }
  if (chance(20)) (void)co_await Sleep(world_.now() + milliseconds(draw(300)), &stop);
  if (left == 0) co_return co_await http.write(answer(200, result(message.raw_id(), nonce)), &stop);
  std::string requests;
  const std::size_t count = 1 + draw(3);
  for (std::size_t i = 0; i < count; ++i) {
    ++questions_;
    requests += (i == 0 ? "\"" : ",\"") + std::string(1, static_cast<char>('a' + i)) + "\":{" +
                question(draw(3), nonce) + "}";
  }
  const std::string body = R"({"jsonrpc":"2.0","id":)" + std::string(message.raw_id()) +
                           R"(,"result":{"resultType":"input_required","inputRequests":{)" + requests +
                           R"(},"requestState":")" + std::to_string(left - 1) + " " + nonce + "\"}}";
  const bool as_event = chance(50);
  // Not a conditional expression: the compiler destroys awaited temporaries in both arms.
  std::string text = answer(200, body);
  if (as_event) text = std::string(kEventsHead) + event_of(body) + std::string(kLastChunk);
  co_return co_await http.write(text, &stop);
}

}  // namespace weir::sim
