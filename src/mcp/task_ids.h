// Where messages speak of tasks by id, and those ids made others. Pure.
// Source: MCP 2025-11-25 basic/utilities/tasks; the extension io.modelcontextprotocol/tasks.
#pragma once

#include <optional>
#include <string>
#include <string_view>

#include "mcp/message.h"
#include "mcp/splice.h"
#include "runtime/time.h"

namespace weir {

/// The extension's name, in `capabilities.extensions` of 2026-07-28.
inline constexpr std::string_view kTasksExtension = "io.modelcontextprotocol/tasks";
/// Whose message it is, in `_meta`.
inline constexpr std::string_view kMetaRelatedTask = "io.modelcontextprotocol/related-task";

/// A task that a result has created.
struct CreatedTask {
  std::string id;
  std::optional<Duration> ttl;  // none: it names none
};
/// The task that an answer to tools/call has created, as its server's era writes it; nothing if it is a usual
/// result.
std::optional<CreatedTask> created_task(const Message& response, bool new_era);
/// True if a client with these capabilities (raw object) knows the extension.
bool declares_tasks(std::string_view capabilities);
/// The same capabilities without it.
std::string without_tasks(std::string_view capabilities);

/// The task that a notification or request speaks of: its own id, or that in `_meta`; empty: none.
std::string task_of(const Message& message);
/// Edits of a message, or of an answer, in which task `from` is to be called `to`.
void edit_task_ids(Splices& splices, const Message& message, std::string_view from, std::string_view to);
/// The same text with these edits; `from` empty, or equal to `to`: as it is.
std::string with_task_ids(std::string text, std::string_view from, std::string_view to);

}  // namespace weir
