// Asking every server at once, and joining what comes in time: lists, and what the servers say of themselves.
// One server that is down, hung or talks nonsense costs only itself.
#pragma once

#include <string>
#include <vector>

#include "gateway/keyed_calls.h"
#include "gateway/plan.h"
#include "gateway/request_state.h"
#include "gateway/tool_repeats.h"

namespace weir {

class ParkedCalls;
class Session;
class Tasks;

/// What a client asks, as the front understood it. Views live as long as the request.
struct ClientCall {
  ClientCall(const Message& request, const MethodRow& method, const Plan& running, CancelScope& scope)
      : message(request), row(method), plan(running), cancel(scope), repeats(running) {}
  const Message& message;
  const MethodRow& row;
  const Plan& plan;
  CancelScope& cancel;
  std::size_t only = Plan::kAll;  // the one server of /mcp/NAME
  ClientView client;
  CallTrace trace;
  CallNotes* notes = nullptr;
  Session* session = nullptr;     // an old client's
  ParkedCalls* parked = nullptr;  // set where the client may be asked for input
  const RequestStates* states = nullptr;
  Tasks* tasks = nullptr;
  KeyedCalls* keys = nullptr;
  std::optional<RequestState> continued;   // what a retry brought back
  bool bridged = false;                    // the server's questions are made into input_required results here
  TimePoint answer_by = kForever;          // as the client wants it
  Priority priority = Priority::normal;    // likewise
  std::string key;                         // idempotency key; empty: none
  std::unique_ptr<KeyedCalls::Run> keyed;  // of the call that is made under it
  std::unique_ptr<Call> stand_in;          // what is asked of another server in its place
  ToolRepeats repeats;                     // of the tool that is called

  /// True if only one server can be meant; the_one() is then its place in the plan.
  bool asks_one() const noexcept { return only != Plan::kAll || plan.servers.size() == 1; }
  std::size_t the_one() const noexcept { return only != Plan::kAll ? only : 0; }
};

/// All pages of one server's list, noted in the catalogue and held to its pins; kept for when the server is
/// away unless it is `by` a client. `at`: the endpoint that is asked, and then nothing but the pins is noted;
/// 0: any.
/// Errors: the server's; upstream_protocol for nonsense or endless pages.
Task<Result<std::vector<ListPage>>> fetch_list(const Plan& plan, std::size_t server, ListKind kind,
                                               const ClientCall* by, TimePoint deadline, CancelScope& cancel,
                                               std::uint32_t at = 0);

/// The response that ends a reply; what comes before it is passed over. Errors: the reply's.
Task<Result<Message>> last_message(Result<Reply> reply);
/// The whole JSON-RPC response to a list request. Errors: all servers failed (the first one's error).
Task<Result<std::string>> answer_list(ClientCall& call);
/// The response to server/discover or initialize. Errors: all servers failed.
Task<Result<std::string>> answer_introduction(ClientCall& call, Revision agreed);

}  // namespace weir
