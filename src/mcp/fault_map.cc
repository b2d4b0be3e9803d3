#include "mcp/fault_map.h"

#include "base/json.h"

namespace weir {
namespace {

// What to do about it, for the person who reads the message.
std::string_view advice(const Error& error) noexcept {
  const bool sent = error.sent() == Error::Sent::maybe;
  switch (error.kind()) {
    case Error::Kind::unreachable:
      return "nothing was sent, so it is safe to try again";
    case Error::Kind::upstream_protocol:
      return "the server needs mending";
    case Error::Kind::deadline_exceeded:
      return sent ? "it may have run: check before trying again; raise its timeout if the server is slow by "
                    "nature"
                  : "raise its timeout if the server is slow by nature";
    case Error::Kind::overloaded:
      return sent ? "it may have run: check before trying again" : "try again later";
    case Error::Kind::no_healthy_endpoint:
      return "try again later";
    case Error::Kind::outcome_unknown:
      return "it may have run: check before trying again";
    case Error::Kind::needs_authorization:
      return "set its credentials under headers in the configuration";
    case Error::Kind::shutting_down:
      return "try again on another gateway";
    default:
      return {};
  }
}

bool retryable(const Error& error) noexcept {
  switch (error.kind()) {
    case Error::Kind::unreachable:
    case Error::Kind::overloaded:
    case Error::Kind::no_healthy_endpoint:
    case Error::Kind::shutting_down:
    case Error::Kind::deadline_exceeded:
      return error.sent() == Error::Sent::no;
    default:
      return false;
  }
}

}  // namespace

int fault_code(Error::Kind kind) noexcept {
  switch (kind) {
    case Error::Kind::unreachable:
      return 1001;
    case Error::Kind::upstream_protocol:
      return 1002;
    case Error::Kind::deadline_exceeded:
      return 1003;
    case Error::Kind::overloaded:
      return 1004;
    case Error::Kind::no_healthy_endpoint:
      return 1005;
    case Error::Kind::cancelled:
      return 1006;
    case Error::Kind::outcome_unknown:
      return 1007;
    case Error::Kind::needs_authorization:
      return 1008;
    case Error::Kind::input_expired:
      return 1009;
    case Error::Kind::denied:
      return 1010;
    case Error::Kind::too_large:
      return 1011;
    case Error::Kind::shutting_down:
      return 1012;
    case Error::Kind::invalid_request:
      return -32600;
    case Error::Kind::not_found:
      return -32602;
    case Error::Kind::internal:
      return -32603;
  }
  return -32603;
}

void append_error(std::string& out, std::string_view raw_id, int code, std::string_view message,
                  std::string_view raw_data) {
  // Refusals come by the thousand: the text grows once.
  constexpr std::size_t kFrame = 96;
  out.reserve(out.size() + raw_id.size() + message.size() + raw_data.size() + kFrame);
  out += R"({"jsonrpc":"2.0","id":)";
  out += raw_id.empty() ? std::string_view("null") : raw_id;
  out += R"(,"error":{"code":)";
  out += std::to_string(code);
  out += R"(,"message":)";
  json_append_string(out, message);
  if (!raw_data.empty()) {
    out += R"(,"data":)";
    out += raw_data;
  }
  out += "}}";
}

void append_fault(std::string& out, std::string_view raw_id, const Error& error, std::string_view server) {
  const int code = fault_code(error.kind());
  const std::string_view word = to_string(error.kind());
  const std::string_view detail = error.detail().empty() ? word : std::string_view(error.detail());
  const std::string_view hint = advice(error);
  std::string sentence;
  sentence.reserve(server.size() + detail.size() + hint.size() + 16);
  if (!server.empty()) sentence.append("server \"").append(server).append("\": ");
  sentence += detail;
  if (!hint.empty()) sentence.append("; ").append(hint);
  std::string data;
  if (code > 0) {
    data.reserve(server.size() + word.size() + 96);
    data = "{";
    if (!server.empty()) {
      data += "\"server\":";
      json_append_string(data, server);
      data += ',';
    }
    data.append("\"reason\":\"").append(word).append("\",\"retryable\":");
    data += retryable(error) ? "true" : "false";
    data += error.sent() == Error::Sent::no ? R"(,"sent":"no")" : R"(,"sent":"maybe")";
    if (error.retry_after())
      data.append(",\"retry_after_ms\":").append(std::to_string(error.retry_after()->count()));
    data += '}';
  }
  append_error(out, raw_id, code, sentence, data);
}

}  // namespace weir
