#include "config/masked_line.h"

#include <algorithm>
#include <array>

namespace weir {
namespace {

constexpr std::array<std::string_view, 5> kSecret = {"headers", "env", "args", "token", "bearer_tokens"};
constexpr std::size_t kNone = std::string_view::npos;

std::size_t indent_of(std::string_view line) { return line.find_first_not_of(" \t"); }

bool is_word(char c) { return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || c == '_' || c == '-'; }

// Behind the colon of the first key that is one of kSecret; kNone: there is no such key. Quotes may stand
// around it, and the colon may be missing where the line is broken.
std::size_t behind_secret_key(std::string_view line) {
  std::size_t found = kNone;
  for (const std::string_view key : kSecret)
    for (std::size_t at = line.find(key); at != kNone; at = line.find(key, at + 1)) {
      std::size_t end = at + key.size();
      if ((at != 0 && is_word(line[at - 1])) || (end < line.size() && is_word(line[end]))) continue;
      while (end < line.size() && (line[end] == '"' || line[end] == '\'' || line[end] == ' ')) ++end;
      if (end < line.size() && line[end] == ':') ++end;
      found = std::min(found, end);
      break;
    }
  return found;
}

// Where what is secret begins on a line within such a block: behind its key, or its dash.
std::size_t behind_key(std::string_view line) {
  const std::size_t begin = indent_of(line);
  if (begin == kNone) return line.size();
  const std::size_t colon = line.find(':', begin);
  if (colon != kNone) return colon + 1;
  return line[begin] == '-' ? begin + 1 : begin;
}

// Marks of the format stay, and names of variables: an unset one is to be seen.
void star(std::string& line, std::size_t from, std::size_t to) {
  constexpr std::string_view kMarks = " \t[]{},\"'";
  to = std::min(to, line.size());
  std::string out = line.substr(0, from);
  for (std::size_t i = from; i < to; ++i) {
    if (line.compare(i, 2, "${") == 0) {
      const std::size_t end = std::min(line.find('}', i), to - 1);
      out.append(line, i, end + 1 - i);
      i = end;
      continue;
    }
    const auto byte = static_cast<unsigned char>(line[i]);
    if ((byte & 0xC0U) == 0x80) continue;  // of a character that has its star
    out += kMarks.find(line[i]) != kNone ? line[i] : '*';
  }
  line = out + line.substr(to);
}

// User info and query of each URL.
void star_urls(std::string& line) {
  for (std::size_t at = line.find("://"); at != kNone; at = line.find("://", at + 1)) {
    const std::size_t begin = at + 3;
    const std::size_t end = std::min(line.find_first_of(" \t\"',}]", begin), line.size());
    const std::size_t query = line.find_first_of("?#", begin);
    if (query < end) star(line, query + 1, end);
    const std::size_t sign = line.substr(0, std::min(end, line.size())).rfind('@');
    if (sign != kNone && sign >= begin) star(line, begin, sign);
  }
}

}  // namespace

std::string masked_line(int line, const std::function<std::string_view(int)>& text_of) {
  std::string out(text_of(line));
  star_urls(out);
  if (const std::size_t own = behind_secret_key(out); own != kNone) {
    star(out, own, out.size());
    return out;
  }
  // Tabs are no indentation: what it stands in can't be told.
  const std::string_view margin = std::string_view(out).substr(0, std::min(indent_of(out), out.size()));
  if (margin.find('\t') != kNone) {
    star(out, behind_key(out), out.size());
    return out;
  }
  // The lines that it stands in: each less indented than the one below.
  std::size_t indent = indent_of(out);
  for (int above = line - 1; above > 0 && indent != kNone && indent != 0; --above) {
    const std::string_view text = text_of(above);
    const std::size_t its = indent_of(text);
    if (its == kNone || text[its] == '#' || its >= indent) continue;
    indent = its;
    if (behind_secret_key(text) == kNone) continue;
    star(out, behind_key(out), out.size());
    break;
  }
  return out;
}

}  // namespace weir
