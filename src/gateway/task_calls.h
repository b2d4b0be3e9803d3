// Calls about tasks: one leads to the server that has the task, the list joins what the client has on all of
// them; and what messages on their way to a client call its tasks. Source: MCP 2025-11-25
// basic/utilities/tasks; the extension io.modelcontextprotocol/tasks.
#pragma once

#include "gateway/router.h"
#include "gateway/session.h"
#include "gateway/tasks.h"

namespace weir {

/// Answers a request of tasks/*. What is not this client's is -32602, and no server hears of it.
Task<void> route_task(ClientCall& call, Call& leaf, std::string& target, Answer& answer);

/// The place of the server that has this client's task, and in `original` the server's own id; kAll: it has
/// no such task.
std::size_t task_owner(const ClientCall& call, const std::string& id, std::string& original);

/// True if a call says that it is to be a task (2025-11-25).
bool asks_for_task(const Message& message, const MethodRow& row);
/// Takes note of the task that the call was answered with, if it is one; `answer` then says what its client
/// calls it.
void note_task(const ClientCall& call, Answer& answer, const Message& response);

/// What the client of a call, or of a session, calls the task that a server's message speaks of.
TaskNames task_names(const ClientCall& call, std::string_view server, const Message& message);
TaskNames task_names(const Tasks& tasks, const Session& session, std::string_view server,
                     const Message& message);

}  // namespace weir
