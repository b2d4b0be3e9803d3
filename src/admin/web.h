// The dashboard's files, as they lie in web/: compiled in by tools/embed.cmake.
#pragma once

#include <string_view>

namespace weir {

struct WebFile {
  std::string_view path;  // "/" is index.html, all others "/web/NAME"
  std::string_view type;  // of its content
  std::string_view body;
};
/// The file of this path; null: there is none.
const WebFile* web_file(std::string_view path) noexcept;

}  // namespace weir
