// The acts of a scripted server: every way it answers a call.
#include "runtime/shard.h"
#include "sim/scripted_upstream.h"

namespace weir::sim {
namespace {

constexpr std::string_view kChunkedHead =
    "HTTP/1.1 200 OK\r\nContent-Type: application/json\r\nTransfer-Encoding: chunked\r\n\r\n";
constexpr std::string_view kEventsHead =
    "HTTP/1.1 200 OK\r\nContent-Type: text/event-stream\r\nTransfer-Encoding: chunked\r\n\r\n";
constexpr std::string_view kLastChunk = "0\r\n\r\n";

using std::chrono::milliseconds;

std::string event_of(std::string_view json) { return chunk_of("data: " + std::string(json) + "\n\n"); }

std::string progress_of(std::string_view token, std::string_view nonce, int step) {
  return R"({"jsonrpc":"2.0","method":"notifications/progress","params":{"progressToken":)" +
         std::string(token) + R"(,"progress":)" + std::to_string(step) + R"(,"message":")" +
         std::string(nonce) + "\"}}";
}

}  // namespace

const std::vector<ScriptedUpstream::Row>& ScriptedUpstream::rows() {
  using Self = ScriptedUpstream;
  static const std::vector<Row> all = {
      {"json", &Self::json, true},
      {"json_in_parts", &Self::json_in_parts, true},
      {"chunked", &Self::chunked, true},
      {"events", &Self::events, true},
      {"slow_events", &Self::slow_events, true},
      {"noisy_events", &Self::noisy_events, true},
      {"then_closes", &Self::then_closes, true, true},
      {"tool_error", &Self::tool_error, true},
      {"slow", &Self::slow, false},
      {"never", &Self::never, false},
      {"progress_then_never", &Self::progress_then_never, false},
      {"reset_at_once", &Self::reset_at_once, false},
      {"reset_in_the_middle", &Self::reset_in_the_middle, false},
      {"cut_events", &Self::cut_events, false},
      {"garbage", &Self::garbage, false},
      {"foreign_id", &Self::foreign_id, false},
      {"foreign_event", &Self::foreign_event, false},
      {"says_too_much", &Self::says_too_much, false},
      {"says_more_later", &Self::says_more_later, false},
      {"refuses", &Self::refuses, false},
  };
  return all;
}

std::string ScriptedUpstream::result(const Ask& ask) const {
  return R"({"jsonrpc":"2.0","id":)" + ask.id + R"(,"result":{"content":[{"type":"text","text":")" +
         ask.nonce + "\"}]" + (options_.old_era ? "" : R"(,"resultType":"complete")") + R"(,"pad":")" +
         std::string(ask.large, 'p') + "\"}}";
}

// Another call that waits for its answer here, or one that never was.
ScriptedUpstream::Ask ScriptedUpstream::other(const Ask& ask) {
  std::vector<const Ask*> others;  // each shard of the gateway counts its own ids: equal ones are passed over
  for (const auto& [nonce, open] : open_)
    if (open.id != ask.id && open.token != ask.id) others.push_back(&open);
  if (!others.empty()) return *others[draw(others.size())];
  Ask made;
  made.id = std::to_string(std::atol(ask.id.c_str()) + 1);
  made.token = made.id;
  made.nonce = "nonce-0-0";
  return made;
}

// Somebody else's result under the id of a call that has its answer.
ScriptedUpstream::Ask ScriptedUpstream::stale(const Ask& ask) {
  Ask made = other(ask);
  made.id = ask.id;
  return made;
}

// False if it was stopped meanwhile.
Task<bool> ScriptedUpstream::pause(Duration longest, CancelScope& stop) {
  const auto most = static_cast<std::size_t>(longest / milliseconds(1)) + 1;
  const TimePoint until = world_.now() + milliseconds(draw(most));
  const Wake wake = co_await Sleep(until, &stop);
  co_return wake != Wake::cancelled;
}

Task<bool> ScriptedUpstream::json(PlainHttp& http, const Ask& ask, CancelScope& stop) {
  co_return co_await http.write(answer(200, result(ask)), &stop);
}

Task<bool> ScriptedUpstream::json_in_parts(PlainHttp& http, const Ask& ask, CancelScope& stop) {
  const std::string text = answer(200, result(ask));
  for (std::size_t at = 0; at < text.size();) {
    const std::size_t size = 1 + draw(text.size());
    bool good = co_await http.write(text.substr(at, size), &stop);
    if (good) good = co_await pause(milliseconds(20), stop);
    if (!good) co_return false;
    at += size;
  }
  co_return true;
}

Task<bool> ScriptedUpstream::chunked(PlainHttp& http, const Ask& ask, CancelScope& stop) {
  const std::string text = result(ask);
  std::string out(kChunkedHead);
  for (std::size_t at = 0; at < text.size();) {
    const std::size_t size = 1 + draw(text.size());
    out += chunk_of(std::string_view(text).substr(at, size));
    at += size;
  }
  out += kLastChunk;
  co_return co_await http.write(std::move(out), &stop);
}

Task<bool> ScriptedUpstream::progress(PlainHttp& http, const Ask& ask, int steps, Duration gap,
                                      CancelScope& stop) {
  bool good = co_await http.write(std::string(kEventsHead), &stop);
  for (int i = 0; i < steps && good; ++i) {
    good = co_await pause(gap, stop);
    if (good && !ask.token.empty())
      good = co_await http.write(event_of(progress_of(ask.token, ask.nonce, i)), &stop);
  }
  co_return good;
}

Task<bool> ScriptedUpstream::events(PlainHttp& http, const Ask& ask, CancelScope& stop) {
  const int steps = static_cast<int>(draw(4));
  const bool good = co_await progress(http, ask, steps, milliseconds(30), stop);
  if (!good) co_return false;
  co_return co_await http.write(event_of(result(ask)) + std::string(kLastChunk), &stop);
}

// Longer in all than a call may take, but never silent for so long.
Task<bool> ScriptedUpstream::slow_events(PlainHttp& http, const Ask& ask, CancelScope& stop) {
  const bool good = co_await progress(http, ask, ask.token.empty() ? 1 : 4, options_.timeout * 3 / 4, stop);
  if (!good) co_return false;
  co_return co_await http.write(event_of(result(ask)) + std::string(kLastChunk), &stop);
}

// What no client has asked for, between what it has.
Task<bool> ScriptedUpstream::noisy_events(PlainHttp& http, const Ask& ask, CancelScope& stop) {
  bool good = co_await progress(http, ask, 1, milliseconds(5), stop);
  const Ask foreign = other(ask);
  const std::string noise[] = {
      event_of(progress_of(foreign.token.empty() ? "\"x\"" : foreign.token, foreign.nonce, 1)),
      event_of(R"({"jsonrpc":"2.0","method":"notifications/message","params":{"level":"error","data":")" +
               ask.nonce + "\"}}"),
      event_of(R"({"jsonrpc":"2.0","id":)" + ask.id + R"(,"method":"roots/list"})"),
      event_of(R"({"jsonrpc":"2.0","method":"notifications/tools/list_changed"})"),
      chunk_of(": nothing\n\n"),
      chunk_of("event: ping\ndata: " + foreign.nonce + "\n\n")};
  for (const std::string& one : noise)
    if (good && chance(50)) good = co_await http.write(one, &stop);
  if (!good) co_return false;
  co_return co_await http.write(event_of(result(ask)) + std::string(kLastChunk), &stop);
}

// Closes without a word, at once or while the next request may be under way.
Task<bool> ScriptedUpstream::then_closes(PlainHttp& http, const Ask& ask, CancelScope& stop) {
  const std::string fields = chance(50) ? "Connection: close\r\n" : "";
  const bool good = co_await http.write(answer(200, result(ask), fields), &stop);
  if (good && chance(70)) (void)co_await pause(milliseconds(20), stop);
  co_return false;
}

Task<bool> ScriptedUpstream::tool_error(PlainHttp& http, const Ask& ask, CancelScope& stop) {
  const std::string body = R"({"jsonrpc":"2.0","id":)" + ask.id +
                           R"(,"error":{"code":-32000,"message":"no","data":{"reason":")" + ask.nonce +
                           "\"}}}";
  co_return co_await http.write(answer(chance(50) ? 200 : 422, body), &stop);
}

Task<bool> ScriptedUpstream::slow(PlainHttp& http, const Ask& ask, CancelScope& stop) {
  const bool good = co_await pause(options_.timeout * 3 / 2, stop);
  if (!good) co_return false;
  co_return co_await http.write(answer(200, result(ask)), &stop);
}

Task<bool> ScriptedUpstream::never(PlainHttp& http, const Ask&, CancelScope& stop) {
  co_await http.wait_end(&stop);
  co_return false;
}

Task<bool> ScriptedUpstream::progress_then_never(PlainHttp& http, const Ask& ask, CancelScope& stop) {
  const bool good = co_await progress(http, ask, 2, options_.timeout / 2, stop);
  if (good) co_await http.wait_end(&stop);
  co_return false;
}

Task<bool> ScriptedUpstream::reset_at_once(PlainHttp& http, const Ask&, CancelScope& stop) {
  if (chance(50)) (void)co_await pause(milliseconds(50), stop);
  http.reset();
  co_return false;
}

Task<bool> ScriptedUpstream::reset_in_the_middle(PlainHttp& http, const Ask& ask, CancelScope& stop) {
  const std::string text = answer(200, result(ask));
  (void)co_await http.write(text.substr(0, 1 + draw(text.size() - 1)), &stop);
  (void)co_await pause(milliseconds(20), stop);
  if (chance(50)) http.reset();
  co_return false;
}

Task<bool> ScriptedUpstream::cut_events(PlainHttp& http, const Ask& ask, CancelScope& stop) {
  (void)co_await progress(http, ask, 2, milliseconds(10), stop);
  const std::string text = event_of(result(ask));
  (void)co_await http.write(text.substr(0, draw(text.size() - 4)), &stop);
  if (chance(50)) (void)co_await http.write(std::string(kLastChunk), &stop);
  (void)co_await pause(milliseconds(10), stop);
  if (chance(50)) http.reset();
  co_return false;
}

Task<bool> ScriptedUpstream::garbage(PlainHttp& http, const Ask& ask, CancelScope& stop) {
  const std::string bodies[] = {
      "SSH-2.0-OpenSSH_9.2\r\n",
      answer(200, "<html>" + other(ask).nonce + "</html>"),
      answer(200, ""),
      answer(200, "[" + result(ask) + "]"),
      answer(200, R"({"jsonrpc":"2.0","id":)" + ask.id + "}"),
      answer(200, result(ask).substr(0, 40)),
      std::string(kChunkedHead) + "zz\r\n" + result(ask),
      std::string(kEventsHead) + event_of("{" + other(ask).nonce) + std::string(kLastChunk),
      answer(200, result(ask), "Content-Length: 3\r\n"),
  };
  co_return co_await http.write(bodies[draw(std::size(bodies))], &stop);
}

Task<bool> ScriptedUpstream::foreign_id(PlainHttp& http, const Ask& ask, CancelScope& stop) {
  const Ask foreign = other(ask);
  Ask wrong = foreign;
  if (chance(30)) wrong.id = "\"" + ask.id + "\"";
  co_return co_await http.write(answer(!options_.old_era && chance(20) ? 400 : 200, result(wrong)), &stop);
}

// Somebody else's answer, and then its own or none.
Task<bool> ScriptedUpstream::foreign_event(PlainHttp& http, const Ask& ask, CancelScope& stop) {
  std::string out(kEventsHead);
  out += event_of(result(other(ask)));
  if (chance(60)) out += event_of(result(ask));
  out += kLastChunk;
  co_return co_await http.write(std::move(out), &stop);
}

// A second answer behind the first: nobody may get it.
Task<bool> ScriptedUpstream::says_too_much(PlainHttp& http, const Ask& ask, CancelScope& stop) {
  co_return co_await http.write(answer(200, result(ask)) + answer(200, result(stale(ask))), &stop);
}

Task<bool> ScriptedUpstream::says_more_later(PlainHttp& http, const Ask& ask, CancelScope& stop) {
  bool good = co_await http.write(answer(200, result(ask)), &stop);
  if (good) good = co_await pause(milliseconds(20), stop);
  if (!good) co_return false;
  co_return co_await http.write(answer(200, result(stale(ask))), &stop);
}

Task<bool> ScriptedUpstream::refuses(PlainHttp& http, const Ask&, CancelScope& stop) {
  static constexpr int kStatuses[] = {503, 429, 500, 502, 401, 403, 301, 418};
  const int status = kStatuses[draw(std::size(kStatuses))];
  co_return co_await http.write(answer(status, "no", "Retry-After: 1\r\n"), &stop);
}

}  // namespace weir::sim
