// What a scripted client demands of an answer.
#include "mcp/message.h"
#include "mcp/splice.h"
#include "sim/scripted_client.h"

namespace weir::sim {

void ScriptedClient::judge(const Asked& asked, const PlainMessage& answer) {
  for (const std::string& nonce : nonces_in(answer.body))
    if (nonce != asked.nonce) blame(asked.nonce + " was told of " + nonce, answer.body);
  if (answer.status() != 200) {
    blame(asked.nonce + " was refused", answer.start + answer.body);
    return;
  }
  if (answer.field("content-type") != "text/event-stream") {
    judge_message(asked, answer.body, true);
    return;
  }
  const std::string_view body = answer.body;
  for (std::size_t at = 0; at < body.size();) {
    const std::size_t end = body.find("\n\n", at);
    const std::size_t data = body.substr(0, end).find("data:", at);
    if (end == std::string_view::npos || data == std::string_view::npos) {
      blame(asked.nonce + " was sent a broken event", answer.body);
      return;
    }
    const std::string_view json = body.substr(data + 5, end - data - 5);
    if (!json.empty()) judge_message(asked, json.substr(1), end + 2 == body.size());  // else it primes
    at = end + 2;
  }
}

void ScriptedClient::judge_message(const Asked& asked, std::string_view json, bool last) {
  const std::string text(json);
  const auto message = Message::index(Bytes::copy_of(json), JsonLimits(), Message::From::client);
  if (!message || message->is_response() != last) {
    blame(asked.nonce + (last ? " was answered with no response" : " was sent no notification"), text);
    return;
  }
  if (!last) {
    // What a server logs in an old client's own session, which has said no level.
    if (options_.old_era && message->method() == "notifications/message") return;
    ++tally_.progress;
    const std::string_view token = message->param().find("progressToken");
    if (message->method() != "notifications/progress" || asked.token.empty() || token != asked.token)
      blame(asked.nonce + " did not ask for this", text);
    return;
  }
  if (message->raw_id() != asked.id) blame(asked.nonce + " has the id " + asked.id, text);
  if (message->kind() == Message::Kind::result) {
    ++tally_.results;
    if (nonces_in(json).empty()) blame(asked.nonce + " was answered without it", text);
    return;
  }
  const RawMembers error = members_of(message->error());
  const std::string_view data = error.find("data");
  std::string reason(data.empty() ? std::string_view() : members_of(data).find("reason"));
  if (reason.empty() && asked.bare && error.find("code") == "-32602") reason = "(unknown name)";
  if (reason.empty() || (reason == "\"cancelled\"" && !options_.old_era))
    blame(asked.nonce + " failed for no reason", text);
  const bool own = reason == "\"" + asked.nonce + "\"";
  if (!options_.in_vain && !own) blame(asked.nonce + " failed in calm weather", text);
  ++tally_.reasons[own ? "(the server's own)" : reason];
}

}  // namespace weir::sim
