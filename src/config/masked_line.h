// A line of the file as it may be shown: what stands where secrets do (headers, environment, arguments,
// tokens, what a URL holds beside its place) is starred out, character by character, so that columns stay.
#pragma once

#include <functional>
#include <string>
#include <string_view>

namespace weir {

/// `text_of`: the file's lines by number, from 1 on. The line may be no good YAML; what can't be told apart
/// is starred out.
std::string masked_line(int line, const std::function<std::string_view(int)>& text_of);

}  // namespace weir
