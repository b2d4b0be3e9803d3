// What is known of one HTTP request while it is served. Lives in its coroutine's frame.
#pragma once

#include "front/http_entry.h"

namespace weir {

/// One request and what was found out about it.
struct HttpEntry::Visit {
  /// All of it outlives the visit.
  Visit(HttpRequest& http, HttpResponder& answer, CancelScope& left, const Plan& running)
      : request(http), responder(answer), gone(left), plan(running) {}
  /// What came, where the answer goes, and what ends when the client leaves.
  HttpRequest& request;
  HttpResponder& responder;
  CancelScope& gone;
  const Plan& plan;
  /// Of the request: path without its query, the client's address, the one server of /mcp/NAME.
  std::string_view path;
  std::string_view client;
  std::size_t only = Plan::kAll;
  /// What the call is told of its client, and the storage of its texts.
  ClientView client_view;
  std::string log_level;
  std::string param_headers;
  std::string fields;                         // header lines of the answer
  std::vector<std::string>* batch = nullptr;  // where answers go instead of the connection
};

/// The trace context of one request, kept as the texts that are sent on.
class TraceTexts {
 public:
  /// The request's own span under the client's context (`_meta` first, then the header); nothing without one.
  std::optional<SpanIds> open(const RequestHead& head, const Message& message, Random& random);
  CallTrace view() const noexcept {
    CallTrace trace;
    trace.parent = parent_;
    trace.state = state_;
    return trace;
  }

 private:
  std::string parent_;
  std::string state_;
};

/// The levels of RFC 5424 as MCP writes them.
bool is_log_level(std::string_view level) noexcept;
/// True if a message of `level` is wanted by somebody who asked for `least`.
bool log_level_reaches(std::string_view level, std::string_view least) noexcept;

}  // namespace weir
