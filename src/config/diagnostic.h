// What is wrong with a configuration file, and where: one Diagnostic a finding, printed with its line and a
// caret. Positions are 1-based; columns count characters, not bytes.
#pragma once

#include <cstddef>
#include <string>
#include <string_view>
#include <vector>

namespace weir {

/// A place in a file. Line 0: what was found has none, such as a file that cannot be read.
struct Position {
  int line = 1;
  int column = 1;
  auto operator<=>(const Position&) const = default;
};

/// One finding. An error keeps the file from being used.
struct Diagnostic {
  enum Severity { error, warning };
  Severity severity = error;
  std::string file;
  int line = 1;
  int column = 1;
  std::string message;
  std::string source_line;  // printable; a long line is cut around the place
  int caret = 0;            // characters of source_line in front of the place
  bool operator==(const Diagnostic&) const = default;
};

/// A finding without a place in a file.
Diagnostic unplaced(Diagnostic::Severity severity, std::string file, std::string message);
/// "weir.yaml:14:5: MESSAGE", the source line and a caret line, without a final line end. A warning says so;
/// without a place it is "weir.yaml: MESSAGE" alone.
std::string to_string(const Diagnostic& diagnostic);
/// All of them, each followed by a line end.
std::string to_string(const std::vector<Diagnostic>& diagnostics);

/// {"ok":true,"diagnostics":[{"severity","file","line","column","message"}]}; not ok with an error among
/// them. Line and column are 0 without a place.
std::string to_json(const std::vector<Diagnostic>& diagnostics);

/// Collects the findings about one text.
class Diagnostics {
 public:
  /// `text` outlives the collector.
  Diagnostics(std::string_view text, std::string file) : text_(text), file_(std::move(file)) {}

  /// Notes what is wrong there, or only doubtful.
  void error(Position at, std::string message) { add(Diagnostic::error, at, std::move(message)); }
  void warning(Position at, std::string message) { add(Diagnostic::warning, at, std::move(message)); }
  /// True once an error was added.
  bool failed() const noexcept { return errors_ > 0; }
  /// How many errors were added.
  std::size_t errors() const noexcept { return errors_; }
  /// The text between the line ends of line `line`; empty past the end.
  std::string_view line_text(int line) const noexcept;
  /// The findings in the order of their positions, repetitions dropped; at most kMost and a word on the rest.
  std::vector<Diagnostic> take();

  /// How many findings take() gives, besides the word on the rest.
  static constexpr std::size_t kMost = 100;

 private:
  void add(Diagnostic::Severity severity, Position at, std::string message);
  void show_line(Diagnostic& diagnostic) const;

  std::string_view text_;
  std::string file_;
  std::vector<Diagnostic> found_;
  mutable std::vector<std::size_t> starts_;  // of the lines, found when first asked for
  std::size_t errors_ = 0;
};

}  // namespace weir
