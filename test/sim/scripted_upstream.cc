// What a scripted server takes in: connections, the handshake of its era, lists, and calls for the acts.
#include "sim/scripted_upstream.h"

#include "runtime/nursery.h"
#include "runtime/shard.h"

namespace weir::sim {

using std::chrono::milliseconds;

Task<bool> ScriptedUpstream::take(PlainHttp& http, const PlainMessage& request, CancelScope& stop) {
  // It offers no stream of its own, and a session that has gone is gone.
  if (request.start.starts_with("GET ")) co_return co_await http.write(answer(405, ""), &stop);
  if (request.start.starts_with("DELETE ")) {
    const bool known = sessions_.erase(std::string(request.field("mcp-session-id"))) != 0;
    const std::string ended = answer(known ? 200 : 404, "");
    co_return co_await http.write(ended, &stop);
  }
  const auto message = Message::index(Bytes::copy_of(request.body), JsonLimits(), Message::From::client);
  if (!request.start.starts_with("POST ") || !message) {
    blame("was sent no message: " + request.start + " " + request.body);
    co_return false;
  }
  if (!message->is_request()) co_return co_await http.write(answer(202, ""), &stop);
  const std::string method(message->method());
  if (method == "server/discover" || method == "initialize") co_return co_await greet(http, *message, stop);
  if (options_.old_era && !sessions_.contains(request.field("mcp-session-id")))
    co_return co_await http.write(answer(404, "no such session"), &stop);
  if (method == "tools/list") co_return co_await list(http, *message, stop);
  if (method == "tools/call") {
    // Now and then it has forgotten who calls; then it runs nothing.
    const bool forgets = options_.old_era && chance(options_.trouble / 10);
    if (!forgets) co_return co_await call(http, *message, stop);
    sessions_.clear();
    co_return co_await http.write(answer(404, "no such session"), &stop);
  }
  std::string refusal = R"({"jsonrpc":"2.0","id":)" + std::string(message->raw_id()) +
                        R"(,"error":{"code":-32601,"message":"what?"}})";
  co_return co_await http.write(answer(200, refusal), &stop);
}

Task<bool> ScriptedUpstream::greet(PlainHttp& http, const Message& message, CancelScope& stop) {
  if (chance(options_.trouble / 2)) {
    switch (draw(4)) {
      case 0:
        co_return co_await http.write(answer(503, "busy"), &stop);
      case 1:
        http.reset();
        co_return false;
      case 2:
        co_await http.wait_end(&stop);
        co_return false;
      default:
        break;  // late
    }
    const bool goes_on = co_await pause(options_.timeout, stop);
    if (!goes_on) co_return false;
  }
  const bool discover = message.method() == "server/discover";
  const std::string start = R"({"jsonrpc":"2.0","id":)" + std::string(message.raw_id());
  if (discover && options_.old_era)
    co_return co_await http.write(answer(400, start + R"(,"error":{"code":-32600,"message":"who?"}})"),
                                  &stop);
  std::string body = start;
  std::string fields;
  if (discover) {
    body += R"(,"result":{"resultType":"complete","supportedVersions":["2026-07-28"],)"
            R"("capabilities":{"tools":{}},"ttlMs":0,"cacheScope":"private"}})";
  } else {
    body += R"(,"result":{"protocolVersion":"2025-11-25","capabilities":{"tools":{}},)"
            R"("serverInfo":{"name":"s","version":"1"}}})";
    const std::string session = options_.name + std::to_string(next_session_++);
    sessions_.insert(session);
    fields = "Mcp-Session-Id: " + session + "\r\n";
  }
  co_return co_await http.write(answer(200, body, fields), &stop);
}

// Two pages: `echo`, then the tool that only this server has.
Task<bool> ScriptedUpstream::list(PlainHttp& http, const Message& message, CancelScope& stop) {
  if (chance(options_.trouble / 3)) {
    if (chance(50)) co_return co_await http.write(answer(200, "[]"), &stop);
    co_await http.wait_end(&stop);
    co_return false;
  }
  const bool second = !message.param().find("cursor").empty();
  const std::string name = second ? "only_" + options_.name : "echo";
  std::string body = R"({"jsonrpc":"2.0","id":)" + std::string(message.raw_id()) +
                     R"(,"result":{"tools":[{"name":")" + name + R"(","inputSchema":{"type":"object"}}])";
  if (!second) body += R"(,"nextCursor":"two")";
  if (!options_.old_era) body += R"(,"resultType":"complete","ttlMs":0,"cacheScope":"private")";
  body += "}}";
  co_return co_await http.write(answer(200, body), &stop);
}

Task<bool> ScriptedUpstream::call(PlainHttp& http, const Message& message, CancelScope& stop) {
  Ask ask;
  ask.id = message.raw_id();
  ask.token = message.meta().find("progressToken");
  const std::string_view arguments = message.param().find("arguments");
  const std::vector<std::string> nonces = nonces_in(arguments);
  const std::string_view name = message.param().find("name");
  if (nonces.size() != 1 || (name != "\"echo\"" && name != "\"only_" + options_.name + "\"")) {
    blame("was sent a mangled call: " + std::string(message.text()));
    co_return false;
  }
  ask.nonce = nonces.front();
  if (const std::size_t at = arguments.find("\"large\":"); at != std::string_view::npos)
    ask.large = static_cast<std::size_t>(std::atol(arguments.data() + at + 8));
  ++seen_[ask.nonce];
  open_[ask.nonce] = ask;
  const bool good = !chance(options_.trouble);
  std::vector<const Row*> fit;
  for (const Row& row : rows())
    if (row.good == good && (options_.trouble != 0 || !row.closes)) fit.push_back(&row);
  const Row& row = *fit[draw(fit.size())];
  ++played_[row.name];
  const bool goes_on = co_await (this->*row.act)(http, ask, stop);
  open_.erase(ask.nonce);
  co_return goes_on;
}

}  // namespace weir::sim
