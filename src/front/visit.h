// What is known of one message of a client while it is served. Lives in its coroutine's frame.
#pragma once

#include <memory>
#include <optional>
#include <string>

#include "base/buffer_budget.h"
#include "front/sink.h"
#include "gateway/lists.h"
#include "gateway/session.h"
#include "obs/trace.h"

namespace weir {

struct ClientWord;

/// One message and what was found out about it.
struct Visit {
  /// All of it outlives the visit.
  Visit(AnswerSink& to, std::shared_ptr<const Plan> running) : sink(to), plan(std::move(running)) {}
  /// Where the answer goes, and the configuration it is made by.
  AnswerSink& sink;
  std::shared_ptr<const Plan> plan;
  /// Whose it is: the endpoint's path, the client's address, the one server of /mcp/NAME, an old client's
  /// session.
  std::string_view path;
  std::string_view client;
  std::size_t only = Plan::kAll;
  std::shared_ptr<Session> session;
  /// Over HTTP: its head; and the response, if it may be used without a coroutine.
  const RequestHead* head = nullptr;
  HttpSink* http = nullptr;
  /// Of the answer while its client has not read it; set while the request is served.
  BufferBudget::Lease* room = nullptr;
  /// What the call is told of its client, and the storage of its texts.
  ClientView client_view;
  std::string log_level;
  std::string param_headers;
};

/// Takes over what a request of the new revision says of its client. `message` outlives the visit.
void take_new_client(Visit& visit, const Message& message, const ClientWord& checked);

/// The trace context of one request, kept as the texts that are sent on.
class TraceTexts {
 public:
  /// The request's own span under the client's context (`_meta` first, then the header); nothing without one.
  std::optional<SpanIds> open(const RequestHead* head, const Message& message, Random& random);
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

}  // namespace weir
