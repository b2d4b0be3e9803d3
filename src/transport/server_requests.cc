#include "transport/server_requests.h"

#include "mcp/fault_map.h"
#include "obs/rejections.h"

namespace weir {

std::string own_answer(const Message& request) {
  std::string out;
  const bool ping = request.method() == "ping";
  if (!ping && request.method() != "roots/list") {
    count_rejected(Rejected::server_request);
    append_error(out, request.raw_id(), -32601, "no client is here that could be asked for this");
    return out;
  }
  out = R"({"jsonrpc":"2.0","id":)" + std::string(request.raw_id());
  out += ping ? R"(,"result":{}})" : R"(,"result":{"roots":[]}})";
  return out;
}

std::string refusal(const Message& request) {
  count_rejected(Rejected::server_request);
  std::string out;
  append_error(out, request.raw_id(), -32601, "the client did not declare that it can be asked for this");
  return out;
}

std::string refusal_outside(const Message& request) {
  count_rejected(Rejected::server_request);
  std::string out;
  append_error(
      out, request.raw_id(), -32600,
      "a client of 2026-07-28 is asked during a call only: none of its calls is under way here, or it "
      "can't be told which one this is for");
  return out;
}

std::string ping_request(std::string_view raw_id) {
  return R"({"jsonrpc":"2.0","id":)" + std::string(raw_id) + R"(,"method":"ping"})";
}

std::string cancelled_notification(std::string_view raw_id) {
  std::string out = R"({"jsonrpc":"2.0","method":"notifications/cancelled","params":{"requestId":)";
  out += raw_id;
  out += R"(,"reason":"the client has gone or its deadline has passed"}})";
  return out;
}

}  // namespace weir
