#include "sim/asking_client.h"

#include "mcp/splice.h"
#include "runtime/shard.h"

namespace weir::sim {
namespace {

using std::chrono::milliseconds;
using Got = PlainHttp::Got;

constexpr std::string_view kCapabilities = R"({"elicitation":{},"sampling":{},"roots":{"listChanged":true}})";

}  // namespace

void AskingClient::blame(const std::string& what, const std::string& text) {
  tally_.violations.push_back("client " + std::to_string(options_.number) + ": " + what +
                              (text.empty() ? "" : " <<" + text.substr(0, 900) + ">>"));
}

void AskingClient::foreign(std::string_view text, const std::string& nonce) {
  for (const std::string& other : nonces_in(text))
    if (other != nonce) blame(nonce + " was told of " + other, std::string(text));
}

std::string AskingClient::next_nonce() {
  return "nonce-" + std::to_string(options_.number) + "-" + std::to_string(++next_);
}

Task<AskingClient::Http> AskingClient::connect() {
  CancelScope never;
  Result<std::unique_ptr<Stream>> stream =
      co_await Shard::current().network().connect(options_.gateway, kForever, never);
  if (!stream) {
    lost("it cannot connect");
    co_return Http();
  }
  co_return std::make_unique<PlainHttp>(std::move(*stream));
}

std::string AskingClient::post(std::string_view fields, std::string_view body) const {
  return "POST /mcp HTTP/1.1\r\nHost: localhost\r\nContent-Type: application/json\r\nAccept: "
         "application/json, "
         "text/event-stream\r\n" +
         std::string(fields) + "Content-Length: " + std::to_string(body.size()) + "\r\n\r\n" +
         std::string(body);
}

Task<bool> AskingClient::open_session() {
  Http http = co_await connect();
  if (!http) co_return false;
  const bool sent = co_await http->write(
      post("", R"({"jsonrpc":"2.0","id":1,"method":"initialize","params":{"protocolVersion":"2025-11-25",)"
               R"("clientInfo":{"name":"c","version":"1"},"capabilities":)" +
                   std::string(kCapabilities) + "}}"),
      nullptr);
  PlainMessage answer;
  Got got = Got::cut;
  if (sent) got = co_await http->read(answer, options_.patience * 4, nullptr);
  session_ = answer.field("mcp-session-id");
  if (got != Got::whole || session_.empty()) lost("no session: " + to_string(got), answer.body);
  co_return !session_.empty();
}

Task<void> AskingClient::end_session() {
  Http http = co_await connect();
  if (!http) co_return;
  const std::string text =
      "DELETE /mcp HTTP/1.1\r\nHost: localhost\r\nMcp-Session-Id: " + session_ + "\r\n\r\n";
  session_.clear();
  (void)co_await http->write(text, nullptr);
  PlainMessage answer;
  const Got got = co_await http->read(answer, options_.patience, nullptr);
  if (got != Got::whole) lost("no answer to DELETE: " + to_string(got));
}

// Several calls at once in one session.
Task<void> AskingClient::run() {
  if (options_.old_era) {
    const bool opened = co_await open_session();
    if (!opened) co_return;
  }
  Nursery lanes;
  for (int i = 0; i < 3; ++i) lanes.start(lane(options_.calls / 3));
  co_await lanes.join();
  co_await aside_.join();
  if (options_.old_era && chance(70)) co_await end_session();
}

Task<void> AskingClient::lane(int calls) {
  for (int i = 0; i < calls; ++i) {
    co_await sleep(milliseconds(chance(5) ? draw(3000) : draw(50)));
    if (options_.old_era)
      co_await old_call();
    else
      co_await new_call();
  }
}

std::string AskingClient::answer_to(std::string_view method, const std::string& nonce) {
  if (method == "roots/list") return R"({"roots":[{"uri":"file:///)" + nonce + R"("}]})";
  if (method == "sampling/createMessage")
    return R"({"role":"assistant","model":"m","content":{"type":"text","text":")" + nonce + R"("}})";
  if (chance(20)) return R"({"action":"decline"})";
  return R"({"action":"accept","content":{"n":")" + nonce + R"("}})";
}

std::string AskingClient::call_text(const std::string& nonce, const std::string& server,
                                    std::string_view extra) const {
  const std::string name = server + "__ask";
  std::string fields;
  std::string meta;
  if (options_.old_era) {
    fields = "MCP-Protocol-Version: 2025-11-25\r\nMcp-Session-Id: " + session_ + "\r\n";
  } else {
    fields = "MCP-Protocol-Version: 2026-07-28\r\nMcp-Method: tools/call\r\nMcp-Name: " + name + "\r\n";
    meta = R"(,"_meta":{"io.modelcontextprotocol/protocolVersion":"2026-07-28",)"
           R"("io.modelcontextprotocol/clientCapabilities":)" +
           std::string(kCapabilities) + "}";
  }
  return post(fields, R"({"jsonrpc":"2.0","id":)" + std::to_string(next_id_) +
                          R"(,"method":"tools/call","params":{"name":")" + name +
                          R"(","arguments":{"nonce":")" + nonce + "\"}" + std::string(extra) + meta + "}}");
}

// True if it is the response that ends a call.
bool AskingClient::judge_last(std::string_view json, const std::string& nonce) {
  foreign(json, nonce);
  const auto message = Message::index(Bytes::copy_of(json), JsonLimits(), Message::From::upstream);
  if (!message || !message->is_response()) {
    blame(nonce + " ended with no response", std::string(json));
    return true;
  }
  if (message->kind() == Message::Kind::result) {
    if (message->result_member().find("resultType") == "\"input_required\"") return false;
    ++tally_.results;
    if (nonces_in(json).empty()) blame(nonce + " was answered without it", std::string(json));
    return true;
  }
  const RawMembers error = members_of(message->error());
  const std::string_view data = error.find("data");
  const std::string_view reason = data.empty() ? std::string_view() : members_of(data).find("reason");
  ++tally_.reasons[reason.empty() ? std::string(message->error()) : std::string(reason)];
  return true;
}

Task<void> AskingClient::answer(std::string raw_id, std::string nonce, std::string result, Duration after) {
  co_await sleep(after);
  Http http = co_await connect();
  if (!http) co_return;
  const std::string fields = "MCP-Protocol-Version: 2025-11-25\r\nMcp-Session-Id: " + session_ + "\r\n";
  const std::string text = post(fields, R"({"jsonrpc":"2.0","id":)" + raw_id + "," + result + "}");
  (void)co_await http->write(text, nullptr);
  PlainMessage heard;
  const Got got = co_await http->read(heard, options_.patience, nullptr);
  if (got != Got::whole) lost("no answer to an answer of " + nonce + ": " + to_string(got));
}

Task<void> AskingClient::old_call() {
  const std::string nonce = next_nonce();
  const std::string text = call_text(nonce, options_.servers[draw(options_.servers.size())], {});
  ++next_id_;
  ++tally_.asked;
  Http http = co_await connect();
  if (!http) co_return;
  (void)co_await http->write(text, nullptr);
  PlainMessage head;
  Got got = co_await http->read_head(head, options_.patience, nullptr);
  if (got == Got::whole && head.field("transfer-encoding") != "chunked") {
    got = co_await http->read_rest(head, options_.patience, nullptr);
    if (got == Got::whole) (void)judge_last(head.body, nonce);
  }
  if (got != Got::whole) {
    lost("no answer to " + nonce + ": " + to_string(got), head.start);
    co_return;
  }
  if (!head.body.empty()) co_return;
  std::string unread;
  while (true) {
    std::string chunk;
    got = co_await http->read_chunk(chunk, options_.patience, nullptr);
    if (got != Got::whole) {
      lost("the stream of " + nonce + " broke off: " + to_string(got));
      co_return;
    }
    if (chunk.empty()) {
      lost("the stream of " + nonce + " ended without an answer", unread);
      co_return;
    }
    unread += chunk;
    if (chance(5)) co_await sleep(milliseconds(draw(1500)));  // a slow reader
    for (std::size_t end = unread.find("\n\n"); end != std::string::npos; end = unread.find("\n\n")) {
      const std::string event = unread.substr(0, end);
      unread.erase(0, end + 2);
      const std::size_t at = event.find("data: ");
      if (at == std::string::npos) continue;
      const std::string json = event.substr(at + 6);
      const auto message = Message::index(Bytes::copy_of(json), JsonLimits(), Message::From::upstream);
      if (!message || message->is_response()) {
        (void)judge_last(json, nonce);
        got = co_await http->read_chunk(chunk, options_.patience, nullptr);
        if (got != Got::whole || !chunk.empty()) lost(nonce + " was answered and more came", chunk);
        co_return;
      }
      foreign(json, nonce);
      if (!message->is_request()) continue;
      ++tally_.questions;
      const std::string id(message->raw_id());
      const std::string result = "\"result\":" + answer_to(message->method(), nonce);
      const std::size_t luck = draw(100);
      if (luck < 4) co_return;  // it goes
      if (luck < 10) continue;  // it never answers
      if (luck < 16) {          // nor can it
        aside_.start(answer(id, nonce, R"("error":{"code":-32603,"message":")" + nonce + "\"}", {}));
        continue;
      }
      if (luck < 22) aside_.start(answer("99" + id, nonce, result, {}));  // not what it was asked
      aside_.start(answer(id, nonce, result, milliseconds(luck < 30 ? draw(3000) : draw(20))));
      if (luck < 26) aside_.start(answer(id, nonce, result, milliseconds(draw(20))));  // twice
    }
  }
}

// The same retry again, on another connection: at most one goes on with a parked call.
Task<void> AskingClient::once_more(std::string text, std::string nonce) {
  Http http = co_await connect();
  if (!http) co_return;
  (void)co_await http->write(std::move(text), nullptr);
  PlainMessage answer;
  const Got got = co_await http->read(answer, options_.patience, nullptr);
  if (got != Got::whole) lost("no answer to a second retry of " + nonce + ": " + to_string(got));
  foreign(answer.body, nonce);
}

Task<void> AskingClient::new_call() {
  const std::string nonce = next_nonce();
  const std::string server = options_.servers[draw(options_.servers.size())];
  std::string extra;
  ++tally_.asked;
  for (int round = 0; round < 12; ++round) {
    Http http = co_await connect();  // whichever shard takes it
    if (!http) co_return;
    const std::string text = call_text(nonce, server, extra);
    ++next_id_;
    (void)co_await http->write(text, nullptr);
    if (round > 0 && chance(8)) aside_.start(once_more(text, nonce));
    if (chance(6)) {  // it gives up
      co_await sleep(milliseconds(draw(60)));
      if (chance(50)) http->reset();
      co_return;
    }
    PlainMessage answer;
    const Got got = co_await http->read(answer, options_.patience, nullptr);
    if (got != Got::whole) {
      lost("no answer to " + nonce + ": " + to_string(got), answer.start + answer.body);
      co_return;
    }
    std::string json = answer.body;
    if (answer.field("content-type") == "text/event-stream") {
      const std::size_t at = json.rfind("data: ");
      json = at == std::string::npos ? std::string() : json.substr(at + 6, json.size() - at - 8);
    }
    if (judge_last(json, nonce)) co_return;
    ++tally_.parked;
    const auto message = Message::index(Bytes::copy_of(json), JsonLimits(), Message::From::upstream);
    const RawMembers& result = message->result_member();
    std::string state(result.find("requestState"));
    std::string given;
    const RawMembers wanted = members_of(result.find("inputRequests"));
    for (std::size_t i = 0; i < wanted.size(); ++i) {
      ++tally_.questions;
      if (chance(8)) continue;  // not this one, for now
      const std::string_view raw = members_of(wanted[i].value).find("method");
      const std::string method(raw.substr(1, raw.size() - 2));
      given +=
          (given.empty() ? "\"" : ",\"") + std::string(wanted[i].name) + "\":" + answer_to(method, nonce);
    }
    const std::size_t luck = draw(100);
    if (luck < 6) {  // it never answers; others may try
      tally_.stale.push_back(state);
      co_return;
    }
    if (luck < 12 && !tally_.stale.empty()) state = tally_.stale[draw(tally_.stale.size())];
    if (luck < 16) given = "\"a\":7";
    if (luck < 24) co_await sleep(milliseconds(draw(3000)));
    extra = ",\"inputResponses\":{" + given + "}" + (state.empty() ? "" : ",\"requestState\":" + state);
  }
}

}  // namespace weir::sim
