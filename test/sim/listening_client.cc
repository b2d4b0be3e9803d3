#include "sim/listening_client.h"

#include "mcp/splice.h"
#include "runtime/shard.h"

namespace weir::sim {
namespace {

using std::chrono::milliseconds;
using std::chrono::seconds;
using Got = PlainHttp::Got;

constexpr seconds kPatience(60);
constexpr std::string_view kLists[] = {"tools", "prompts", "resources"};

std::string text_of(std::string_view raw) { return json_unescape(raw); }

}  // namespace

void ListeningClient::blame(const std::string& what, std::string_view text) {
  tally_.violations.push_back("listener " + std::to_string(options_.number) + ": " + what +
                              (text.empty() ? "" : " <<" + std::string(text.substr(0, 600)) + ">>"));
}

Task<ListeningClient::Http> ListeningClient::connect() {
  Result<std::unique_ptr<Stream>> stream =
      co_await Shard::current().network().connect(options_.gateway, kForever, stop_);
  if (!stream) co_return Http();
  co_return std::make_unique<PlainHttp>(std::move(*stream));
}

Task<void> ListeningClient::run() {
  while (!stop_.cancelled()) {
    promised_.clear();
    asked_.clear();
    acknowledged_ = false;
    if (options_.old_era)
      co_await listen_old();
    else
      co_await listen_new();
    promised_.clear();
    if (!stop_.cancelled()) co_await Sleep(world_.now() + milliseconds(draw(200)), &stop_);
  }
}

std::vector<std::string> ListeningClient::choose() {
  std::vector<std::string> out;
  for (const std::string& uri : options_.uris)
    if (draw(2) == 0) out.push_back(uri);
  return out;
}

Task<void> ListeningClient::listen_new() {
  id_ = "\"l" + std::to_string(options_.number) + "-" + std::to_string(next_id_++) + "\"";
  std::string filter;
  for (const std::string_view list : kLists)
    if (draw(2) == 0) {
      const std::string field = std::string(list) + "ListChanged";
      filter += (filter.empty() ? "\"" : ",\"") + field + "\":true";
      asked_.insert(field);
    }
  std::string uris;
  for (const std::string& uri : choose()) {
    uris += (uris.empty() ? "\"" : ",\"") + uri + "\"";
    asked_.insert(uri);
  }
  if (!uris.empty())
    filter += std::string(filter.empty() ? "" : ",") + "\"resourceSubscriptions\":[" + uris + "]";
  const std::string body = R"({"jsonrpc":"2.0","id":)" + id_ +
                           R"(,"method":"subscriptions/listen","params":{"notifications":{)" + filter +
                           R"(},"_meta":{"io.modelcontextprotocol/protocolVersion":"2026-07-28",)"
                           R"("io.modelcontextprotocol/clientCapabilities":{}}}})";
  Http http = co_await connect();
  if (!http) co_return;
  ++tally_.listens;
  (void)co_await http->write(
      "POST /mcp HTTP/1.1\r\nHost: localhost\r\nContent-Type: application/json\r\nAccept: "
      "application/json, text/event-stream\r\nMCP-Protocol-Version: 2026-07-28\r\n"
      "Mcp-Method: subscriptions/listen\r\nContent-Length: " +
          std::to_string(body.size()) + "\r\n\r\n" + body,
      &stop_);
  co_await read(*http, settled_ ? kForever : world_.now() + milliseconds(draw(3000)));
}

Task<PlainMessage> ListeningClient::post(std::string fields, std::string body) {
  PlainMessage answer;
  Http http = co_await connect();
  if (!http) co_return answer;
  (void)co_await http->write(
      "POST /mcp HTTP/1.1\r\nHost: localhost\r\nContent-Type: application/json\r\nAccept: "
      "application/json, text/event-stream\r\n" +
          fields + "Content-Length: " + std::to_string(body.size()) + "\r\n\r\n" + body,
      &stop_);
  const Got got = co_await http->read(answer, kPatience, &stop_);
  if (got != Got::whole && got != Got::stopped && !options_.may_lose)
    blame("no answer to a request: " + to_string(got), body);
  co_return answer;
}

Task<void> ListeningClient::listen_old() {
  const PlainMessage opened = co_await post(
      "", R"({"jsonrpc":"2.0","id":1,"method":"initialize","params":{"protocolVersion":"2025-11-25",)"
          R"("clientInfo":{"name":"c","version":"1"},"capabilities":{}}})");
  const std::string session = opened.field("mcp-session-id");
  if (session.empty()) co_return;
  ++tally_.listens;
  const std::string fields = "MCP-Protocol-Version: 2025-11-25\r\nMcp-Session-Id: " + session + "\r\n";
  Http http = co_await connect();
  if (!http) co_return;
  (void)co_await http->write(
      "GET /mcp HTTP/1.1\r\nHost: localhost\r\nAccept: text/event-stream\r\n" + fields + "\r\n", &stop_);
  acknowledged_ = true;
  for (const std::string& uri : choose()) {
    asked_.insert(uri);
    const PlainMessage answer = co_await post(
        fields, R"({"jsonrpc":"2.0","id":2,"method":"resources/subscribe","params":{"uri":")" + uri + "\"}}");
    if (answer.body.find("\"result\"") != std::string::npos) promised_.insert(uri);
  }
  co_await read(*http, settled_ ? kForever : world_.now() + milliseconds(draw(3000)));
  if (stop_.cancelled()) co_return;
  http.reset();
  Http last = co_await connect();
  if (!last) co_return;
  (void)co_await last->write("DELETE /mcp HTTP/1.1\r\nHost: localhost\r\n" + fields + "\r\n", &stop_);
  PlainMessage ended;
  (void)co_await last->read(ended, kPatience, &stop_);
}

// Events until the stream ends or the time is over.
Task<void> ListeningClient::read(PlainHttp& http, TimePoint until) {
  PlainMessage head;
  Got got = co_await http.read_head(head, kPatience, &stop_);
  if (got == Got::stopped) co_return;
  if (got != Got::whole || head.field("content-type") != "text/event-stream") {
    if (!options_.may_lose) blame("no stream: " + to_string(got), head.start);
    co_return;
  }
  std::string unread;
  while (world_.now() < until) {
    std::string chunk;
    got = co_await http.read_chunk(chunk, kPatience, &stop_);
    if (got != Got::whole || chunk.empty()) {
      if (got != Got::stopped) ++tally_.cuts;
      co_return;
    }
    unread += chunk;
    if (!settled_ && draw(20) == 0)
      co_await Sleep(world_.now() + milliseconds(draw(2000)), &stop_);  // a slow reader
    for (std::size_t end = unread.find("\n\n"); end != std::string::npos; end = unread.find("\n\n")) {
      const std::string event = unread.substr(0, end);
      unread.erase(0, end + 2);
      const std::size_t at = event.find("data: ");
      if (at != std::string::npos) take(std::string_view(event).substr(at + 6));
    }
  }
}

void ListeningClient::take(std::string_view json) {
  if (json.empty()) return;  // priming
  const auto message = Message::index(Bytes::copy_of(json), JsonLimits(), Message::From::upstream);
  if (!message) return blame("was told nonsense", json);
  for (const std::string& never : options_.foreign)
    if (json.find('"' + never + '"') != std::string_view::npos) blame("heard of what nobody may", json);
  if (message->is_response()) return;  // the gateway ends the listen
  if (!options_.old_era) return take_new(*message);
  const std::string uri = text_of(message->param().find("uri"));
  if (message->method() == "notifications/resources/updated") {
    ++tally_.updates;
    if (!asked_.contains(uri)) blame("heard of a resource that it did not subscribe to", json);
    heard_.insert(uri);
  } else if (message->method().ends_with("/list_changed")) {
    ++tally_.lists;
  } else {
    blame("heard what it cannot want", json);
  }
}

void ListeningClient::take_new(const Message& message) {
  const std::string_view json = message.text();
  if (message.meta().find("io.modelcontextprotocol/subscriptionId") != id_)
    blame("heard under another id", json);
  const std::string method(message.method());
  if (method == "notifications/subscriptions/acknowledged") {
    if (std::exchange(acknowledged_, true)) blame("was acknowledged twice", json);
    const RawMembers filter = members_of(message.param().find("notifications"));
    for (std::size_t i = 0; i < filter.size(); ++i)
      if (filter[i].value == "true") promised_.insert(std::string(filter[i].name));
    for (const std::string& uri : options_.uris)
      if (filter.find("resourceSubscriptions").find('"' + uri + '"') != std::string_view::npos)
        promised_.insert(uri);
    for (const std::string& one : promised_)
      if (!asked_.contains(one)) blame("was promised what it did not ask for: " + one, json);
    return;
  }
  if (!acknowledged_) blame("heard something before the acknowledgement", json);
  std::string what = text_of(message.param().find("uri"));
  for (const std::string_view list : kLists)
    if (method == "notifications/" + std::string(list) + "/list_changed")
      what = std::string(list) + "ListChanged";
  ++(method == "notifications/resources/updated" ? tally_.updates : tally_.lists);
  if (!promised_.contains(what)) blame("heard what it was not promised", json);
  heard_.insert(what);
}

}  // namespace weir::sim
