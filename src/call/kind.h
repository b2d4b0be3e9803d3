// What tells calls apart that usually take differently long.
#pragma once

#include <cstdint>
#include <string_view>

#include "call/call.h"

namespace weir {

/// The name of the tool or prompt that a call is for, as its server has it where that is known; raw, with
/// quotes, where it has escapes. Empty: it names none.
std::string_view tool_of(const Call& call);
/// The method, and the tool. Within one process; long names that differ in few places may be taken for one.
std::uint64_t kind_of(const Call& call) noexcept;

}  // namespace weir
