// What the demo server has: its tools, resources, template and prompt, and what they answer. Pure.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

namespace weir {

/// Raw results of its lists and of discover, by method; empty for no such list.
std::string_view demo_list(std::string_view method) noexcept;
/// What `countdown` is asked for.
struct DemoCountdown {
  int steps = 0;
  int pause_ms = 0;
};
/// A raw result or error object for a request.
struct DemoAnswer {
  std::string result;
  std::string error;
  std::optional<DemoCountdown> countdown;  // the one slow tool: progress first
};
/// `name` is the tool, prompt or URI; `arguments` a raw object or empty; `unix_seconds` the time of day.
DemoAnswer demo_call(std::string_view tool, std::string_view arguments, std::int64_t unix_seconds);
DemoAnswer demo_read(std::string_view uri);
DemoAnswer demo_prompt(std::string_view name, std::string_view arguments);
/// `ref` and `argument`: the raw objects of completion/complete.
DemoAnswer demo_complete(std::string_view ref, std::string_view argument);

}  // namespace weir
