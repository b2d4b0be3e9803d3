// What a server asks of an old client, as it may go out: tasks that the client runs for servers (2025-11-25)
// are known to the server that they are run for, and to no other. Their ids stay as the client made them: it
// makes them for all servers together. Any thread. Source: MCP 2025-11-25 basic/utilities/tasks.
#pragma once

#include <string>
#include <string_view>

#include "gateway/session.h"

namespace weir {

/// A server's request on its way to a client.
struct Admitted {
  std::string refusal;          // the whole answer to the server, where its client is not asked
  bool about_tasks = false;     // it asks how a task stands
  bool leave_out_task = false;  // the client does not run it as one
  Duration patience_min{};      // a task's result may take as long as the task
};
/// What becomes of it. Sets what `ask` must know of the answer; `server`: the configured name of who asks.
Admitted admit_request(const Session& session, std::string_view server, const Message& request,
                       ClientAsk& ask);

/// The question as the client gets it, under `id` (raw).
std::string question(const Message& request, const Admitted& admitted, std::string_view id);

/// The client's answer to `ask`, whole, as its server gets it: a task that it begins is taken note of, and a
/// list comes without the tasks of others.
std::string admit_answer(Session& session, const ClientAsk& ask, std::string text);

}  // namespace weir
