#include "config/yaml_text.h"

#include <algorithm>

#include "base/json.h"

namespace weir {
namespace {

constexpr std::string_view kLetters = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz";

// Letters first, and nothing that YAML gives a meaning to; words that some parsers read as truth values are
// quoted.
bool plain(std::string_view text) {
  static constexpr std::string_view kWords[] = {"true", "false", "null", "yes", "no", "on", "off", "y", "n"};
  if (text.empty() || text.size() > 200 || kLetters.find(text.front()) == std::string_view::npos)
    return false;
  for (const char c : text)
    if (kLetters.find(c) == std::string_view::npos &&
        std::string_view("0123456789_-./@").find(c) == std::string_view::npos)
      return false;
  std::string folded(text);
  std::transform(folded.begin(), folded.end(), folded.begin(),
                 [](char c) { return c >= 'A' && c <= 'Z' ? static_cast<char>(c + 32) : c; });
  return std::find(std::begin(kWords), std::end(kWords), folded) == std::end(kWords);
}

}  // namespace

std::string yaml_text(std::string_view text) {
  if (plain(text)) return std::string(text);
  std::string json;
  json_append_string(json, text);
  // DEL and the controls of U+0080 to U+009F are fine in JSON, but are not printable in YAML.
  std::string out;
  for (std::size_t i = 0; i < json.size(); ++i) {
    const auto byte = static_cast<unsigned char>(json[i]);
    const auto after = i + 1 < json.size() ? static_cast<unsigned char>(json[i + 1]) : 0;
    constexpr std::string_view kHex = "0123456789abcdef";
    if (byte == 0x7F)
      out += "\\x7f";
    else if (byte == 0xC2 && after < 0xA0)
      out.append("\\x").append(1, kHex[after >> 4]).append(1, kHex[after & 15]), ++i;
    else
      out += json[i];
  }
  return out;
}

std::string yaml_comment(std::string_view text) {
  std::string out = "# ";
  for (const char c : text) {
    const auto byte = static_cast<unsigned char>(c);
    out += byte < 0x20 || byte >= 0x7F ? '?' : c;
  }
  return out;
}

}  // namespace weir
