#include "config/json_comments.h"

#include <algorithm>

namespace weir {
namespace {

// Behind the string that starts at `begin`; strings end with their line at the latest.
std::size_t string_end(std::string_view text, std::size_t begin) noexcept {
  std::size_t at = begin + 1;
  while (at < text.size() && text[at] != '"' && text[at] != '\n') at += text[at] == '\\' ? 2 : 1;
  return std::min(at + 1, text.size());
}

void append_blank(std::string& out, std::string_view comment) {
  for (const char c : comment) {
    const bool continues = (static_cast<unsigned char>(c) & 0xC0) == 0x80;
    if (c == '\n' || c == '\r')
      out += c;
    else if (!continues)
      out += ' ';
  }
}

}  // namespace

std::string blank_json_comments(std::string_view text) {
  std::string out;
  out.reserve(text.size());
  std::size_t last_close = text.rfind("*/");
  if (last_close == std::string_view::npos) last_close = 0;
  for (std::size_t i = 0; i < text.size();) {
    const std::string_view pair = text.substr(i, 2);
    std::size_t end = i + 1;
    if (text[i] == '"') end = string_end(text, i);
    if (pair == "//") end = std::min(text.find_first_of("\r\n", i), text.size());
    const bool block = pair == "/*" && i + 2 <= last_close;
    if (block) end = text.find("*/", i + 2) + 2;
    if (pair == "//" || block)
      append_blank(out, text.substr(i, end - i));
    else
      out += text.substr(i, end - i);
    i = end;
  }
  return out;
}

}  // namespace weir
