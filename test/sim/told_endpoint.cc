#include "sim/told_endpoint.h"

#include <algorithm>

#include "runtime/shard.h"

namespace weir::sim {

Task<bool> ToldEndpoint::take(PlainHttp& http, const PlainMessage& request, CancelScope& stop) {
  if (request.start.starts_with("GET /health")) {
    ++probed;
    co_return co_await http.write(answer(probes == Way::well ? 200 : 503, "{}"), &stop);
  }
  const auto message = Message::index(Bytes::copy_of(request.body), JsonLimits(), Message::From::client);
  if (!message) co_return co_await http.write(answer(405, ""), &stop);
  if (!message->is_request()) co_return co_await http.write(answer(202, ""), &stop);
  const std::string id(message->raw_id());
  const std::string more = R"("resultType":"complete","ttlMs":0,"cacheScope":"private"})";
  if (message->method() == "server/discover") {
    ++probed;
    std::string result = R"({"supportedVersions":["2026-07-28"],"capabilities":{"tools":{}},)" + more;
    co_return co_await reply(http, probes, id, std::move(result), stop);
  }
  if (message->method() == "tools/call") {
    called.push_back(world_.now());
    most_under_way = std::max(most_under_way, ++under_way);
    std::string result =
        R"({"content":[{"type":"text","text":"by )" + host_ + R"( "}],"resultType":"complete"})";
    if (call_delay != Duration()) (void)co_await Sleep(world_.now() + call_delay, &stop);
    const bool goes_on = co_await reply(http, calls, id, std::move(result), stop);
    --under_way;
    co_return goes_on;
  }
  std::string result = R"({"tools":[{"name":"echo","inputSchema":{"type":"object"}}],)" + more;
  co_return co_await reply(http, Way::well, id, std::move(result), stop);
}

Task<bool> ToldEndpoint::reply(PlainHttp& http, Way way, std::string id, std::string result,
                               CancelScope& stop) {
  if (delay != Duration()) (void)co_await Sleep(world_.now() + delay, &stop);
  switch (way) {
    case Way::well:
      break;
    case Way::hangs:
      co_await http.wait_end(&stop);
      co_return false;
    case Way::resets:
      http.reset();
      co_return false;
    case Way::busy:
      co_return co_await http.write(answer(503, "busy"), &stop);
    case Way::wrong_id:
      id = std::to_string(std::atol(id.c_str()) + 1000);
      break;
  }
  const std::string text = R"({"jsonrpc":"2.0","id":)" + id + R"(,"result":)" + result + "}";
  co_return co_await http.write(answer(200, text), &stop);
}

}  // namespace weir::sim
