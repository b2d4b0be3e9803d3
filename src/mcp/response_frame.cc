#include "mcp/response_frame.h"

#include "base/json.h"

namespace weir {

std::optional<FrameHead> frame_at_head(std::string_view begin) {
  JsonCursor cursor(begin, JsonLimits(), false);
  if (!cursor.enter_object()) return std::nullopt;
  FrameHead head;
  bool versioned = false;
  std::string_view name;
  while (cursor.next_member(name)) {
    if (name == "result") {
      // Either both stand in front of it or both behind it.
      if (cursor.peek() != '{' || versioned == head.id.empty()) return std::nullopt;
      head.result = begin.substr(cursor.offset());
      return head;
    }
    const std::string_view value = cursor.take_value();
    if (name == "jsonrpc" && value == "\"2.0\"" && !versioned) {
      versioned = true;
    } else if (name == "id" && !value.empty() && head.id.empty()) {
      head.id = value;
    } else {
      return std::nullopt;
    }
  }
  return std::nullopt;
}

std::string_view frame_at_tail(std::string_view end) {
  // In valid JSON a quote behind a comma opens a string unless the comma lies in one; then a backslash would
  // stand between them. So what follows the last `},"` that parses to the end is the end of the envelope.
  for (std::size_t at = end.rfind("}"); at != std::string_view::npos && at > 0; at = end.rfind('}', at - 1)) {
    std::size_t comma = end.find_first_not_of(" \t\r\n", at + 1);
    if (comma == std::string_view::npos || end[comma] != ',') continue;
    // As if it were an object of its own: the bytes from the comma on, which is passed like a brace.
    JsonCursor cursor(end.substr(comma + 1), JsonLimits(), false);
    std::string_view id;
    bool versioned = false;
    bool good = true;
    std::string_view name;
    if (!cursor.enter_members()) continue;
    while (good && cursor.next_member(name)) {
      const std::string_view value = cursor.take_value();
      if (name == "jsonrpc" && value == "\"2.0\"" && !versioned)
        versioned = true;
      else if (name == "id" && !value.empty() && id.empty())
        id = value;
      else
        good = false;
    }
    if (good && cursor.finish() && versioned) return id;
  }
  return {};
}

}  // namespace weir
