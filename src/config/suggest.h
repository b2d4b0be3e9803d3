// "Did you mean": the known word nearest to a mistyped one.
#pragma once

#include <span>
#include <string>
#include <string_view>

namespace weir {

/// The candidate that `word` most likely stands for, or an empty view. Case does not count.
std::string_view nearest(std::string_view word, std::span<const std::string_view> candidates);
/// ` (did you mean "X"?)`, or nothing.
std::string did_you_mean(std::string_view word, std::span<const std::string_view> candidates);

}  // namespace weir
