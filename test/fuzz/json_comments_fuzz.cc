// Comments in clients' JSON files: blanked as a plain state machine does it, so that every other character
// stays where it was.
#include <cstdint>
#include <string>
#include <string_view>

#include "base/check.h"
#include "config/json_comments.h"
#include "fuzz/plain_json.h"

namespace {

bool continues(char c) { return (static_cast<unsigned char>(c) & 0xC0U) == 0x80U; }

// One byte at a time.
std::string plainly(std::string_view text) {
  enum class In { plain, string, escape, line, block } in = In::plain;
  std::string out;
  for (std::size_t i = 0; i < text.size(); ++i) {
    const char c = text[i];
    const std::string_view pair = text.substr(i, 2);
    const bool breaks = c == '\n' || c == '\r';
    if (in == In::line && breaks) in = In::plain;
    if (in == In::plain && c != '"') {
      if (pair == "//") in = In::line;
      if (pair == "/*" && text.find("*/", i + 2) != std::string_view::npos) {
        in = In::block;
        out += "  ";
        ++i;
        continue;
      }
    }
    switch (in) {
      case In::plain:
        if (c == '"') in = In::string;
        out += c;
        break;
      case In::string:
        if (c == '\\') in = In::escape;
        if (c == '"' || c == '\n') in = In::plain;
        out += c;
        break;
      case In::escape:
        in = In::string;
        out += c;
        break;
      case In::line:
        if (!continues(c)) out += ' ';
        break;
      case In::block:
        if (pair == "*/") {
          in = In::plain;
          out += "  ";
          ++i;
        } else if (breaks) {
          out += c;
        } else if (!continues(c)) {
          out += ' ';
        }
        break;
    }
  }
  return out;
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  if (size > 4096) return 0;
  const std::string_view text(reinterpret_cast<const char*>(data), size);
  const std::string blank = weir::blank_json_comments(text);
  WEIR_CHECK(blank == plainly(text));
  WEIR_CHECK(weir::blank_json_comments(blank) == blank);
  // JSON has no comments: it stays as it is, whatever its strings hold.
  if (weir::fuzz::maybe_json(text)) WEIR_CHECK(blank == text);
  return 0;
}
