// Writing texts into YAML so that they read back as the same text.
#pragma once

#include <string>
#include <string_view>

namespace weir {

/// `text` plain where that is safe beyond doubt, else in double quotes. Valid UTF-8 in.
std::string yaml_text(std::string_view text);
/// One line of a comment: "# ..." with line ends and control characters replaced.
std::string yaml_comment(std::string_view text);

}  // namespace weir
