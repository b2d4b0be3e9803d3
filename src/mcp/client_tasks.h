// Tasks that clients run for servers (2025-11-25 only): a question that asks to be one, and what a server
// then asks about it. Pure. Source: MCP 2025-11-25 basic/utilities/tasks.
#pragma once

#include <set>
#include <string>
#include <string_view>

#include "mcp/message.h"

namespace weir {

/// True if a server's question asks to be run as a task.
bool wants_task(const Message& request);
/// True if a client with these capabilities (raw object) runs such questions as tasks.
bool runs_as_task(std::string_view capabilities, const Message& request);
/// The parameters without that wish, raw: who does not run tasks is to ignore it. Empty: none.
std::string params_without_task(const Message& request);
/// The whole request without it.
std::string without_task(const Message& request);

/// True if a request is about tasks: tasks/get, /result, /cancel, /list.
bool asks_about_tasks(const Message& request);
/// True if a client with these capabilities answers it.
bool answers_about_tasks(std::string_view capabilities, const Message& request);
/// The ids in the result of tasks/list, and the same response with none but those that are in `kept`.
std::set<std::string> listed_tasks(const Message& response);
std::string with_tasks(const Message& response, const std::set<std::string>& kept);

}  // namespace weir
