#include "sim/scripted_client.h"

#include "runtime/shard.h"

namespace weir::sim {
namespace {

using std::chrono::milliseconds;
using Got = PlainHttp::Got;

constexpr const char* kIds[] = {"1", "2", "\"1\"", "\"a b\"", "-7", "3"};
constexpr const char* kTokens[] = {"", "1", "2", "\"t\"", "\"1\""};

}  // namespace

// What no gateway does unless it is being closed.
void ScriptedClient::lost(const std::string& what, const std::string& text) {
  http_.reset();
  if (!options_.may_lose) blame(what, text);
}

void ScriptedClient::blame(const std::string& what, const std::string& text) {
  tally_.violations.push_back("client " + std::to_string(options_.number) + ": " + what +
                              (text.empty() ? "" : " <<" + text.substr(0, 700) + ">>"));
}

Task<void> ScriptedClient::run() {
  for (int i = 0; i < options_.calls; ++i) {
    const Duration idle = milliseconds(chance(5) ? draw(5000) : draw(30));
    (void)co_await Sleep(world_.now() + idle, nullptr);
    co_await one_round();
  }
  co_await aside_.join();
  http_.reset();
}

Task<void> ScriptedClient::one_round() {
  if (!http_) {
    const bool connected = co_await connect();
    if (!connected) co_return;
  }
  if (options_.old_era && session_.empty()) {
    const bool opened = co_await open_session();
    if (!opened) co_return;
  }
  const std::size_t luck = options_.wild ? draw(100) : 99;
  if (luck < 15)
    co_await give_up();
  else if (luck < 22)
    co_await talk_garbage();
  else if (luck < 32)
    co_await ask(2);
  else
    co_await ask(1);
  if (chance(5)) http_.reset();
}

Task<bool> ScriptedClient::connect() {
  CancelScope never;
  Result<std::unique_ptr<Stream>> stream =
      co_await Shard::current().network().connect(options_.gateway, kForever, never);
  if (stream) http_.emplace(std::move(*stream));
  if (!stream) lost("it cannot connect");
  co_return stream.has_value();
}

std::string ScriptedClient::post(std::string_view path, std::string_view fields,
                                 std::string_view body) const {
  return "POST " + std::string(path) +
         " HTTP/1.1\r\nHost: localhost\r\nContent-Type: application/json\r\nAccept: application/json, "
         "text/event-stream\r\n" +
         std::string(fields) + "Content-Length: " + std::to_string(body.size()) + "\r\n\r\n" +
         std::string(body);
}

Task<bool> ScriptedClient::open_session() {
  const std::string text =
      post("/mcp", "",
           R"({"jsonrpc":"2.0","id":1,"method":"initialize","params":{"protocolVersion":"2025-11-25",)"
           R"("capabilities":{},"clientInfo":{"name":"c","version":"1"}}})");
  const bool sent = co_await http_->write(text, nullptr);
  PlainMessage answer;
  Got got = Got::cut;
  // Every server may still be starting.
  if (sent) got = co_await http_->read(answer, options_.timeout * 4, nullptr);
  if (got != Got::whole || answer.status() != 200) {
    lost("no answer to initialize: " + to_string(got), answer.start);
    co_return false;
  }
  session_ = answer.field("mcp-session-id");
  if (session_.empty() && answer.body.find("\"reason\":") == std::string::npos)
    blame("neither session nor reason", answer.body);
  co_return !session_.empty();
}

ScriptedClient::Asked ScriptedClient::make(bool alone) {
  Asked asked;
  asked.id = kIds[draw(std::size(kIds))];
  asked.token = kTokens[draw(std::size(kTokens))];
  asked.nonce = "nonce-" + std::to_string(options_.number) + "-" + std::to_string(++next_);
  const std::string server = options_.servers[draw(options_.servers.size())];
  if (options_.asking) options_.asking(asked.nonce, server);
  std::string path = "/mcp";
  std::string name = server + "__" + (chance(70) ? "echo" : "only_" + server);
  if (options_.wild && chance(20)) {
    name = "only_" + server;
    asked.bare = true;
  } else if (!options_.old_era && chance(20)) {
    path += "/" + server;
    name = "echo";
  }
  std::string meta;
  std::string fields;
  if (options_.old_era) {
    fields = "MCP-Protocol-Version: 2025-11-25\r\nMcp-Session-Id: " + session_ + "\r\n";
  } else {
    fields = "MCP-Protocol-Version: 2026-07-28\r\nMcp-Method: tools/call\r\nMcp-Name: " + name + "\r\n";
    meta = R"("io.modelcontextprotocol/protocolVersion":"2026-07-28",)"
           R"("io.modelcontextprotocol/clientCapabilities":{})";
  }
  if (!asked.token.empty()) meta += (meta.empty() ? "" : ",") + ("\"progressToken\":" + asked.token);
  std::string body = R"({"jsonrpc":"2.0","id":)" + asked.id + R"(,"method":"tools/call","params":{"name":")" +
                     name + R"(","arguments":{"nonce":")" + asked.nonce + "\"";
  // One that sends much and more before it reads would block itself.
  if (alone && chance(8)) body += R"(,"pad":")" + std::string(draw(60000), 'q') + "\"";
  if (chance(8)) body += R"(,"large":)" + std::to_string(draw(60000));
  body += "}" + (meta.empty() ? "" : R"(,"_meta":{)" + meta + "}") + "}}";
  asked.text = post(path, fields, body);
  return asked;
}

// One call, or several at once whose answers come one after the other.
Task<void> ScriptedClient::ask(std::size_t count) {
  std::vector<Asked> all;
  std::string text;
  for (std::size_t i = 0; i < count; ++i) {
    all.push_back(make(count == 1));
    text += all.back().text;
  }
  tally_.asked += static_cast<int>(count);
  if (options_.wild && options_.old_era && chance(15)) {
    aside_.start(cancel_later(all[0].id, milliseconds(draw(100))));
  }
  const std::size_t cut = chance(10) ? draw(text.size()) : 0;
  bool sent = true;
  if (cut != 0) {
    sent = co_await http_->write(text.substr(0, cut), nullptr);
    (void)co_await Sleep(world_.now() + milliseconds(draw(300)), nullptr);
  }
  if (sent) sent = co_await http_->write(text.substr(cut), nullptr);
  for (const Asked& asked : all) {
    PlainMessage answer;
    const Got got = co_await http_->read(answer, patience(), nullptr);
    if (got != Got::whole) {
      const std::string what = "no answer to " + asked.nonce + ": " + to_string(got);
      if (got == Got::late)
        blame(what, answer.start + answer.body);
      else
        lost(what, answer.start + answer.body);
      http_.reset();
      co_return;
    }
    judge(asked, answer);
  }
  if (!http_->surplus().empty()) blame("more than one answer", std::string(http_->surplus()));
}

Task<void> ScriptedClient::give_up() {
  const Asked asked = make(true);
  ++tally_.given_up;
  const std::size_t size = chance(30) ? draw(asked.text.size()) : asked.text.size();
  (void)co_await http_->write(asked.text.substr(0, size), nullptr);
  (void)co_await Sleep(world_.now() + milliseconds(chance(30) ? draw(2000) : draw(40)), nullptr);
  if (chance(50)) http_->reset();
  http_.reset();
}

Task<void> ScriptedClient::talk_garbage() {
  ++tally_.garbage;
  const std::string ours = make(true).text;
  const std::string texts[] = {
      "GET / HTTP/9\r\n\r\n",
      std::string("\x16\x03\x01\x02\x00", 5) + std::string(300, '\xff') + "\r\n\r\n",
      post("/mcp", "", "{"),
      post("/mcp", "", "[]"),
      post("/mcp", "", R"({"jsonrpc":"2.0","id":1,"method":"tools/call"})"),
      post("/mcp/nowhere", "", "{}"),
      post("/mcp", "Mcp-Session-Id: nonsense\r\n", R"({"jsonrpc":"2.0","id":1,"method":"ping"})"),
      post("/mcp", "Content-Length: 5\r\n", "{}"),
      "POST /mcp HTTP/1.1\r\n" + ours,
      ours.substr(0, ours.size() - 1) + "]",
  };
  const bool sent = co_await http_->write(texts[draw(std::size(texts))], nullptr);
  PlainMessage answer;
  Got got = Got::cut;
  if (sent) got = co_await http_->read(answer, patience(), nullptr);
  if (got != Got::whole || answer.status() < 400 || answer.status() >= 500)
    lost("garbage was answered by " + to_string(got), answer.start + answer.body);
  if (!nonces_in(answer.body).empty()) blame("garbage was answered with a nonce", answer.body);
  http_.reset();
}

Task<void> ScriptedClient::cancel_later(std::string id, Duration after) {
  (void)co_await Sleep(world_.now() + after, nullptr);
  CancelScope never;
  Result<std::unique_ptr<Stream>> stream =
      co_await Shard::current().network().connect(options_.gateway, kForever, never);
  if (!stream) co_return;
  PlainHttp http(std::move(*stream));
  const std::string text =
      post("/mcp", "Mcp-Session-Id: " + session_ + "\r\n",
           R"({"jsonrpc":"2.0","method":"notifications/cancelled","params":{"requestId":)" + id + "}}");
  (void)co_await http.write(text, nullptr);
  PlainMessage answer;
  const Got got = co_await http.read(answer, patience(), nullptr);
  const bool heard = got == Got::whole && answer.status() == 202;
  if (!heard && !options_.may_lose) blame("no answer to a cancel", answer.start + answer.body);
}

}  // namespace weir::sim
