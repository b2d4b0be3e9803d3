#include "config/diagnostic.h"

#include <algorithm>
#include <tuple>

#include "base/json.h"
#include "config/masked_line.h"

namespace weir {
namespace {

constexpr std::size_t kWidth = 160;   // characters of a source line that are shown
constexpr std::size_t kBefore = 100;  // of these at most so many in front of the place

bool continues(char c) noexcept { return (static_cast<unsigned char>(c) & 0xC0) == 0x80; }

// What a terminal may be given: tabs become spaces, control characters and bytes of broken UTF-8 question
// marks.
std::string printable(std::string_view line) {
  std::string out;
  for (std::size_t i = 0; i < line.size();) {
    const auto lead = static_cast<unsigned char>(line[i]);
    const std::string_view character = line.substr(i, lead < 0x80   ? 1
                                                      : lead < 0xE0 ? 2
                                                      : lead < 0xF0 ? 3
                                                                    : 4);
    const bool valid = utf8_valid(character);
    const bool second_set = valid && lead == 0xC2 && static_cast<unsigned char>(character[1]) < 0xA0;
    if (lead == '\t')
      out += ' ';
    else if (!valid || lead < 0x20 || lead == 0x7F || second_set)
      out += '?';
    else
      out += character;
    i += valid ? character.size() : 1;
  }
  return out;
}

// Where the characters of `text` start.
std::vector<std::size_t> characters(std::string_view text) {
  std::vector<std::size_t> starts;
  for (std::size_t i = 0; i < text.size(); ++i)
    if (!continues(text[i])) starts.push_back(i);
  return starts;
}

}  // namespace

Diagnostic unplaced(Diagnostic::Severity severity, std::string file, std::string message) {
  Diagnostic diagnostic;
  diagnostic.severity = severity;
  diagnostic.file = std::move(file);
  diagnostic.line = diagnostic.column = 0;
  diagnostic.message = std::move(message);
  return diagnostic;
}

std::string to_string(const Diagnostic& diagnostic) {
  const bool placed = diagnostic.line > 0;
  std::string out = diagnostic.file + ": ";
  if (placed)
    out = diagnostic.file + ':' + std::to_string(diagnostic.line) + ':' + std::to_string(diagnostic.column) +
          ": ";
  if (diagnostic.severity == Diagnostic::warning) out += "warning: ";
  out += diagnostic.message;
  if (!placed) return out;
  out += '\n';
  out += diagnostic.source_line;
  out += '\n';
  out.append(static_cast<std::size_t>(diagnostic.caret), ' ');
  out += '^';
  return out;
}

std::string to_string(const std::vector<Diagnostic>& diagnostics) {
  std::string out;
  for (const Diagnostic& diagnostic : diagnostics) out += to_string(diagnostic) + '\n';
  return out;
}

std::string to_json(const std::vector<Diagnostic>& diagnostics) {
  bool ok = true;
  std::string list;
  for (const Diagnostic& diagnostic : diagnostics) {
    const bool error = diagnostic.severity == Diagnostic::error;
    ok = ok && !error;
    list += list.empty() ? "{\"severity\":" : ",{\"severity\":";
    list += error ? "\"error\"" : "\"warning\"";
    list += ",\"file\":";
    json_append_string(list, diagnostic.file);
    list += ",\"line\":" + std::to_string(diagnostic.line);
    list += ",\"column\":" + std::to_string(diagnostic.column);
    list += ",\"message\":";
    json_append_string(list, diagnostic.message);
    list += '}';
  }
  return std::string("{\"ok\":") + (ok ? "true" : "false") + ",\"diagnostics\":[" + list + "]}";
}

std::string_view Diagnostics::line_text(int line) const noexcept {
  if (starts_.empty()) {
    starts_.push_back(0);
    for (std::size_t i = 0; i < text_.size(); ++i)
      if (text_[i] == '\n' || (text_[i] == '\r' && (i + 1 == text_.size() || text_[i + 1] != '\n')))
        starts_.push_back(i + 1);
  }
  if (line < 1 || static_cast<std::size_t>(line) > starts_.size()) return {};
  const std::string_view rest = text_.substr(starts_[static_cast<std::size_t>(line) - 1]);
  return rest.substr(0, rest.find_first_of("\r\n"));
}

void Diagnostics::add(Diagnostic::Severity severity, Position at, std::string message) {
  if (severity == Diagnostic::error) ++errors_;
  if (found_.size() >= 10 * kMost) return;
  Diagnostic diagnostic;
  diagnostic.severity = severity;
  diagnostic.file = file_;
  diagnostic.line = at.line;
  diagnostic.column = at.column;
  diagnostic.message = std::move(message);
  found_.push_back(std::move(diagnostic));
}

void Diagnostics::show_line(Diagnostic& diagnostic) const {
  const auto text_of = [this](int number) { return line_text(number); };
  const std::string line = printable(masked_line(diagnostic.line, text_of));
  const std::vector<std::size_t> starts = characters(line);
  const auto place = std::min(static_cast<std::size_t>(std::max(diagnostic.column, 1)) - 1, starts.size());
  std::size_t first = 0;
  if (starts.size() > kWidth && place > kBefore) first = place - kBefore;
  const std::size_t last = std::min(starts.size(), first + kWidth);
  const std::size_t begin = first < starts.size() ? starts[first] : line.size();
  const std::size_t end = last < starts.size() ? starts[last] : line.size();
  diagnostic.source_line = line.substr(begin, end - begin);
  diagnostic.caret = static_cast<int>(place - first);
}

std::vector<Diagnostic> Diagnostics::take() {
  const auto key = [](const Diagnostic& d) { return std::tie(d.line, d.column); };
  std::stable_sort(found_.begin(), found_.end(),
                   [&](const auto& a, const auto& b) { return key(a) < key(b); });
  found_.erase(std::unique(found_.begin(), found_.end()), found_.end());
  if (found_.size() > kMost) {
    const std::size_t more = found_.size() - kMost;
    found_.resize(kMost);
    found_.back().message += " (and " + std::to_string(more) + " more)";
    if (failed()) found_.back().severity = Diagnostic::error;
  }
  for (Diagnostic& diagnostic : found_) show_line(diagnostic);
  return std::move(found_);
}

}  // namespace weir
