#include "config/yaml_guard.h"

#include <array>
#include <cstdio>

#include "base/json.h"
#include "base/units.h"

namespace weir {
namespace {

std::size_t character_length(unsigned char lead) noexcept {
  if (lead < 0x80) return 1;
  if (lead < 0xE0) return 2;
  return lead < 0xF0 ? 3 : 4;
}

// The message about the character at the front of `rest`, or nullptr.
const char* fault_of(std::string_view character) noexcept {
  if (!utf8_valid(character)) return "invalid UTF-8";
  const auto byte = static_cast<unsigned char>(character.front());
  const bool control = (byte < 0x20 && byte != '\t' && byte != '\r') || byte == 0x7F;
  const bool second_set = byte == 0xC2 && static_cast<unsigned char>(character[1]) < 0xA0;
  return control || second_set ? "control character" : nullptr;
}

std::string hex(std::string_view bytes) {
  std::string out;
  for (const char c : bytes) {
    std::array<char, 8> text{};
    std::snprintf(text.data(), text.size(), " %02X", static_cast<unsigned>(static_cast<unsigned char>(c)));
    out += text.data();
  }
  return out;
}

bool check_line(std::string_view line, int number, Diagnostics& diagnostics) {
  int column = 1;
  for (std::size_t i = 0; i < line.size(); ++column) {
    const std::string_view character = line.substr(i, character_length(static_cast<unsigned char>(line[i])));
    if (const char* fault = fault_of(character)) {
      const bool utf8 = !utf8_valid(character);
      diagnostics.error({number, column},
                        std::string(fault) + " (byte" + hex(utf8 ? line.substr(i, 1) : character) + ')');
      return false;
    }
    i += character.size();
  }
  return true;
}

}  // namespace

bool yaml_guard(std::string_view text, std::size_t bytes_max, Diagnostics& diagnostics) {
  if (text.size() > bytes_max) {
    diagnostics.error({1, 1}, "the file is larger than " + format_size(bytes_max));
    return false;
  }
  int number = 1;
  for (std::string_view rest = text; !rest.empty(); ++number) {
    const std::size_t end = std::min(rest.find('\n'), rest.size());
    const std::string_view line = rest.substr(0, end);
    if (!check_line(line, number, diagnostics)) return false;
    if (line.starts_with('%')) {
      diagnostics.error({number, 1}, "lines that start with % are YAML directives, which are not supported");
      return false;
    }
    rest.remove_prefix(std::min(end + 1, rest.size()));
  }
  return true;
}

}  // namespace weir
