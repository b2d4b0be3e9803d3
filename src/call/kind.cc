#include "call/kind.h"

#include <cstring>

#include "mcp/outgoing.h"

namespace weir {
namespace {

// Of a name what mostly tells it from others: its length, begin, middle and end.
std::uint64_t mark_of(std::string_view name) noexcept {
  const auto word = [](const char* at, std::size_t size) {
    std::uint64_t value = 0;
    std::memcpy(&value, at, size);
    return value;
  };
  if (name.empty()) return 0;
  if (name.size() < 4) return word(name.data(), name.size());
  if (name.size() < 8) return word(name.data(), 4) << 32 | word(name.data() + name.size() - 4, 4);
  return word(name.data(), 8) + 3 * word(name.data() + name.size() / 2 - 4, 8) +
         5 * word(name.data() + name.size() - 8, 8);
}

}  // namespace

std::string_view tool_of(const Call& call) {
  if (!call.target.empty()) return call.target;
  if (!call.name.empty()) return call.name;
  return raw_target(call.message, call.row);
}

std::uint64_t kind_of(const Call& call) noexcept {
  // A row of the one table of methods: its place is as good as its name.
  const auto method = static_cast<std::uint64_t>(reinterpret_cast<std::uintptr_t>(&call.row));
  if (call.row.route != Route::by_name) return method;
  const std::string_view tool = tool_of(call);
  return (mark_of(tool) ^ method) * 0x9e3779b97f4a7c15U + tool.size();
}

}  // namespace weir
