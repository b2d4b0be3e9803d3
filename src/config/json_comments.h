// Comments in clients' JSON files (VS Code and others write them), blanked so that positions stay true.
#pragma once

#include <string>
#include <string_view>

namespace weir {

/// `text` with // and /* */ comments outside strings replaced by as many spaces as they have characters; line
/// ends stay. A comment that never ends is left for the parser to refuse.
std::string blank_json_comments(std::string_view text);

}  // namespace weir
