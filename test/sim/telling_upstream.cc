#include "sim/telling_upstream.h"

#include "mcp/splice.h"
#include "runtime/nursery.h"
#include "runtime/shard.h"

namespace weir::sim {
namespace {

using std::chrono::milliseconds;

constexpr std::string_view kCapabilities =
    R"({"tools":{"listChanged":true},"prompts":{"listChanged":true},"resources":{"listChanged":true,"subscribe":true}})";
constexpr std::string_view kEventsHead =
    "HTTP/1.1 200 OK\r\nContent-Type: text/event-stream\r\nTransfer-Encoding: chunked\r\n\r\n";

std::string event_of(std::string_view json) { return chunk_of("data: " + std::string(json) + "\n\n"); }

std::string result(const Message& message, std::string_view members) {
  return R"({"jsonrpc":"2.0","id":)" + std::string(message.raw_id()) + ",\"result\":{" +
         std::string(members) + "}}";
}

}  // namespace

std::string TellingUpstream::uri(int resource) const {
  return "res://" + options_.name + "/" + std::to_string(resource);
}

// Now and then something changes, or a stream breaks off.
Task<void> TellingUpstream::tell(CancelScope& stop) {
  static constexpr std::string_view kLists[] = {"tools", "prompts", "resources"};
  while (!stop.cancelled()) {
    (void)co_await Sleep(world_.now() + milliseconds(5 + draw(120)), &stop);
    if (calm_) continue;
    const std::size_t luck = draw(100);
    if (luck < 30) {
      const std::string list(kLists[draw(3)]);
      tell_all("notifications/" + list + "/list_changed", list + "ListChanged", {});
    } else if (luck < 94) {
      update(static_cast<int>(draw(kResources + 1)));
    } else if (luck < 97 && !ears_.empty()) {
      Ear& one = *ears_[draw(ears_.size())];
      one.cut = true;
      one.filled.wake();
    } else if (options_.old_era && !sessions_.empty() && luck == 99) {
      sessions_.erase(std::next(sessions_.begin(), static_cast<long>(draw(sessions_.size()))));
    }
  }
}

void TellingUpstream::update(int resource) {
  tell_all("notifications/resources/updated", "resourceSubscriptions", uri(resource));
}

void TellingUpstream::tell_all(std::string_view method, std::string_view what, const std::string& uri) {
  ++told_;
  for (const auto& ear : ears_) {
    const bool old_one = ear->id.empty();
    bool wanted = old_one || wants(*ear, uri.empty() ? std::string_view(what) : std::string_view(uri));
    if (old_one && !uri.empty()) {
      const auto session = sessions_.find(ear->session);
      wanted = session != sessions_.end() && session->second.contains(uri);
    }
    if (!wanted && (calm_ || draw(10) != 0)) continue;  // rudely, now and then, unasked
    std::string params;
    if (!uri.empty()) params = "\"uri\":\"" + uri + "\"";
    say(*ear, method, params);
  }
}

bool TellingUpstream::wants(const Ear& ear, std::string_view what) const {
  return ear.filter.find('"' + std::string(what) + '"') != std::string::npos;
}

void TellingUpstream::say(Ear& to, std::string_view method, std::string_view params) {
  std::string text =
      R"({"jsonrpc":"2.0","method":")" + std::string(method) + R"(","params":{)" + std::string(params);
  if (!to.id.empty())
    text += std::string(params.empty() ? "" : ",") + R"("_meta":{"io.modelcontextprotocol/subscriptionId":)" +
            to.id + "}";
  to.queue.push_back(event_of(text + "}}"));
  to.filled.wake();
}

Task<bool> TellingUpstream::take(PlainHttp& http, const PlainMessage& request, CancelScope& stop) {
  const std::string session = request.field("mcp-session-id");
  if (request.start.starts_with("DELETE ")) {
    const std::string ended = answer(sessions_.erase(session) != 0 ? 200 : 404, "");
    co_return co_await http.write(ended, &stop);
  }
  auto ear = std::make_shared<Ear>();
  ear->session = session;
  if (request.start.starts_with("GET ")) {
    if (!sessions_.contains(session)) co_return co_await http.write(answer(404, ""), &stop);
    co_await stream_to(http, ear, stop);
    co_return false;
  }
  const auto message = Message::index(Bytes::copy_of(request.body), JsonLimits(), Message::From::client);
  if (!message) {
    blame("was sent no message: " + request.body);
    co_return false;
  }
  if (!message->is_request()) co_return co_await http.write(answer(202, ""), &stop);
  if (message->method() == "subscriptions/listen") {
    ear->id = message->raw_id();
    ear->filter = message->param().find("notifications");
    if (wants(*ear, uri(kResources))) blame("was asked for what it does not list");
    say(*ear, "notifications/subscriptions/acknowledged", "\"notifications\":" + ear->filter);
    co_await stream_to(http, ear, stop);
    co_return false;
  }
  const bool greets = message->method() == "initialize" || message->method() == "server/discover";
  if (options_.old_era && !greets && !sessions_.contains(session))
    co_return co_await http.write(answer(404, "no such session"), &stop);
  co_return co_await http.write(answer_to(*message, session), &stop);
}

std::string TellingUpstream::answer_to(const Message& message, const std::string& session) {
  const std::string method(message.method());
  const std::string whole =
      options_.old_era ? "" : R"("resultType":"complete","ttlMs":0,"cacheScope":"private",)";
  const std::string capabilities = "\"capabilities\":" + std::string(kCapabilities);
  if (method == "server/discover" && !options_.old_era)
    return answer(200, result(message, whole + R"("supportedVersions":["2026-07-28"],)" + capabilities));
  if (method == "initialize" && options_.old_era) {
    const std::string fresh = options_.name + std::to_string(next_session_++);
    sessions_[fresh];
    return answer(
        200,
        result(message,
               R"("protocolVersion":"2025-11-25","serverInfo":{"name":"s","version":"1"},)" + capabilities),
        "Mcp-Session-Id: " + fresh + "\r\n");
  }
  if (method == "resources/subscribe" || method == "resources/unsubscribe") {
    const std::string wanted = json_unescape(message.param().find("uri"));
    if (method == "resources/subscribe" && !wanted.starts_with("res://" + options_.name + "/"))
      blame("was asked for another's resource " + wanted);
    if (method == "resources/subscribe")
      sessions_[session].insert(wanted);
    else
      sessions_[session].erase(wanted);
    return answer(200, result(message, ""));
  }
  if (method == "resources/list") {
    std::string entries;
    for (int i = 0; i < kResources; ++i)
      entries += std::string(i == 0 ? "" : ",") + R"({"name":"r","uri":")" + uri(i) + "\"}";
    return answer(200, result(message, whole + "\"resources\":[" + entries + "]"));
  }
  for (const std::string list : {"tools", "prompts", "resourceTemplates"}) {
    const bool templates = list == "resourceTemplates";
    if (method == (templates ? std::string("resources/templates/list") : list + "/list"))
      return answer(200, result(message, whole + "\"" + list + "\":[]"));
  }
  return answer(options_.old_era ? 400 : 404, R"({"jsonrpc":"2.0","id":)" + std::string(message.raw_id()) +
                                                  R"(,"error":{"code":-32601,"message":"what?"}})");
}

// Until it is cut, stopped, or the other side has gone.
Task<void> TellingUpstream::stream_to(PlainHttp& http, std::shared_ptr<Ear> ear, CancelScope& stop) {
  ears_.push_back(ear);
  bool good = co_await http.write(std::string(kEventsHead), &stop);
  while (good && !ear->cut && !stop.cancelled()) {
    const std::vector<std::string> queue = std::exchange(ear->queue, {});
    for (const std::string& event : queue)
      if (good) good = co_await http.write(event, &stop);
    // A comment finds out whether anybody is still there.
    if (!ear->queue.empty() || !good) continue;
    const Wake wake = co_await ear->filled.wait(world_.now() + milliseconds(500), &stop);
    if (wake == Wake::deadline) good = co_await http.write(chunk_of(": \n\n"), &stop);
  }
  if (ear->cut && draw(2) == 0) http.reset();
  std::erase(ears_, ear);
}

}  // namespace weir::sim
