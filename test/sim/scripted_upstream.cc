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
  const std::string session = request.field("mcp-session-id");
  if (!session.empty() && !session.starts_with(session_prefix()))
    blame("was sent another server's session: " + session);
  const std::string method(message->method());
  if (illness_ != Illness::none && (!calls_only_ || method == "tools/call")) {
    if (method == "tools/call") (void)nonce_of(*message);
    co_return co_await be_ill(http, stop);
  }
  if (!message->is_request()) co_return co_await http.write(answer(202, ""), &stop);
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

// No two servers give out the same ones.
std::string ScriptedUpstream::session_prefix() const {
  return options_.name + '-' + options_.address.host + '-';
}

Task<bool> ScriptedUpstream::be_ill(PlainHttp& http, CancelScope& stop) {
  switch (illness_) {
    case Illness::none:
      break;
    case Illness::hangs:
      co_await http.wait_end(&stop);
      co_return false;
    case Illness::resets:
      http.reset();
      co_return false;
    case Illness::busy:
      co_return co_await http.write(answer(503, "busy"), &stop);
    case Illness::garbage:
      co_return co_await http.write("SSH-2.0-OpenSSH_9.2\r\n", &stop);
  }
  co_return false;
}

Task<bool> ScriptedUpstream::greet(PlainHttp& http, const Message& message, CancelScope& stop) {
  if (chance(options_.trouble / 2)) {
    if (options_.turned_away) options_.turned_away();
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
    const std::string session = session_prefix() + std::to_string(next_session_++);
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

// Counts the call; empty: it is none that a client has made.
std::string ScriptedUpstream::nonce_of(const Message& message) {
  const std::vector<std::string> nonces = nonces_in(message.param().find("arguments"));
  const std::string_view name = message.param().find("name");
  if (nonces.size() != 1 || (name != "\"echo\"" && name != "\"only_" + options_.name + "\"")) {
    blame("was sent a mangled call: " + std::string(message.text()));
    return {};
  }
  ++seen_[nonces.front()];
  if (options_.arrived) options_.arrived(nonces.front());
  return nonces.front();
}

Task<bool> ScriptedUpstream::call(PlainHttp& http, const Message& message, CancelScope& stop) {
  Ask ask;
  ask.id = message.raw_id();
  ask.token = message.meta().find("progressToken");
  const std::string_view arguments = message.param().find("arguments");
  ask.nonce = nonce_of(message);
  if (ask.nonce.empty()) co_return false;
  if (const std::size_t at = arguments.find("\"large\":"); at != std::string_view::npos)
    ask.large = static_cast<std::size_t>(std::atol(arguments.data() + at + 8));
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
