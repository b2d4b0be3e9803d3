#include "gateway/event_text.h"

#include "mcp/splice.h"
#include "mcp/version.h"

namespace weir {

FeedText bare_notification(std::string_view method) {
  return std::make_shared<const std::string>(R"({"jsonrpc":"2.0","method":")" + std::string(method) + "\"}");
}

std::string with_uri(const Message& message, const std::string& uri) {
  const std::string_view raw = message.param().find("uri");
  Splices splices(message.text());
  std::string quoted;
  json_append_string(quoted, uri);
  splices.replace(raw, std::move(quoted));
  std::string out;
  splices.append_to(out);
  return out;
}

std::string for_listener(std::string_view method, std::string_view params, std::string_view raw_id) {
  std::string out = R"({"jsonrpc":"2.0","method":")";
  out += method;
  out += R"(","params":{"_meta":{")";
  out += kMetaSubscription;
  out.append("\":").append(raw_id) += '}';
  if (!params.empty()) out.append(",").append(params);
  out += "}}";
  return out;
}

std::string task_for_listener(const Message& message, const std::string& known, std::string_view raw_id) {
  std::string params = "\"taskId\":";
  json_append_string(params, known);
  const RawMembers& members = message.param();
  for (std::size_t i = 0; i < members.size(); ++i) {
    if (json_name_is(members[i].name, "taskId") || json_name_is(members[i].name, "_meta")) continue;
    params.append(",\"").append(members[i].name).append("\":").append(members[i].value);
  }
  return for_listener(message.method(), params, raw_id);
}

}  // namespace weir
