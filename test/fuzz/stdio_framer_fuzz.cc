// Fuzzes the stdio framer: whatever the slices, the lines are those that a plain split of the whole input
// gives. The first byte chooses the line limit, the second the slicing, the third whether lines are held on
// to.
#include <algorithm>
#include <cstdint>
#include <cstring>
#include <string>
#include <vector>

#include "base/check.h"
#include "transport/stdio_framer.h"

namespace {

constexpr const char* kOverlong = "\n";  // no line can look like this

std::vector<std::string> expected_lines(std::string_view text, std::size_t line_max) {
  std::vector<std::string> lines;
  while (!text.empty()) {
    const std::size_t at = text.find('\n');
    const bool ended = at != std::string_view::npos;
    std::string_view line = text.substr(0, at);
    text.remove_prefix(ended ? at + 1 : text.size());
    const bool told = line.size() > line_max + 1;
    if (!line.empty() && line.back() == '\r' && !told) line.remove_suffix(1);
    if (line.size() > line_max) {
      if (ended || told) lines.emplace_back(kOverlong);
    } else if (line.find_first_not_of(" \t\r") != std::string_view::npos) {
      lines.emplace_back(line);
    }
  }
  return lines;
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  if (size < 3) return 0;
  const std::size_t line_max = data[0] + 1u;
  const std::size_t slice = data[1] + 1u;
  const bool hold = data[2] % 2 == 1;
  const std::string_view text(reinterpret_cast<const char*>(data + 3), size - 3);

  weir::StdioFramer framer(line_max);
  weir::LogLines splitter(line_max);
  std::vector<weir::Bytes> held;
  std::vector<std::string> lines;
  const auto logged = [&](weir::LogLines::Line line) { WEIR_CHECK(line.text.size() <= line_max); };
  for (std::string_view rest = text; !rest.empty();) {
    const auto window = framer.window();
    const std::size_t count = std::min({slice, rest.size(), window.size()});
    WEIR_CHECK(count > 0);
    std::memcpy(window.data(), rest.data(), count);
    framer.received(count);
    splitter.feed(rest.substr(0, count), logged);
    rest.remove_prefix(count);
    while (auto line = framer.next()) {
      lines.emplace_back(*line ? (*line)->view() : kOverlong);
      if (hold && *line) held.push_back(**line);
    }
  }
  if (auto line = framer.finish()) lines.emplace_back(line->view());
  splitter.finish(logged);
  WEIR_CHECK(lines == expected_lines(text, line_max));
  std::size_t at = 0;
  for (const weir::Bytes& bytes : held) {
    while (lines[at] == kOverlong) ++at;
    WEIR_CHECK(bytes.view() == lines[at++]);
  }
  return 0;
}
