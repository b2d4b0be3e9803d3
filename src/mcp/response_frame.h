// Where the id of a response stands that is too large to be walked: at its head, as most write it, or behind
// its result, as the TypeScript SDK does. What lies between is never looked at.
#pragma once

#include <cstddef>
#include <optional>
#include <string_view>

namespace weir {

/// What the first bytes of a response tell.
struct FrameHead {
  std::string_view id;      // raw, a view into the bytes; empty: it comes behind the result
  std::string_view result;  // the result as far as it has come, from its brace on
};
/// Reads up to the result of a response. Nothing for errors, requests, and whatever is not plainly a result.
/// `begin`: the first bytes, 256 or more unless the text is shorter.
std::optional<FrameHead> frame_at_head(std::string_view begin);

/// The longest run of members behind a result that is looked at, in bytes.
inline constexpr std::size_t kTailMax = 128;
/// The raw id behind a result, a view into `end`, the last bytes of the whole text (kTailMax or less); empty
/// if they are not plainly the end of a response.
std::string_view frame_at_tail(std::string_view end);

}  // namespace weir
