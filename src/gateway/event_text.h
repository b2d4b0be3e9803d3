// The notifications that reach clients outside of calls, as texts. Pure. Source: MCP 2026-07-28
// basic/patterns/subscriptions; the extension io.modelcontextprotocol/tasks.
#pragma once

#include <string>
#include <string_view>

#include "gateway/feed.h"
#include "mcp/message.h"

namespace weir {

/// A notification without parameters, for sessions.
FeedText bare_notification(std::string_view method);
/// A server's notification with another URI in it.
std::string with_uri(const Message& message, const std::string& uri);
/// A notification for whoever listens by the request `raw_id`; `params` are members.
std::string for_listener(std::string_view method, std::string_view params, std::string_view raw_id);
/// A server's notification of a task for whoever listens, and knows the task as `known`.
std::string task_for_listener(const Message& message, const std::string& known, std::string_view raw_id);

}  // namespace weir
