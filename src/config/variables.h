// ${VAR}, ${VAR:-default} and ${env:VAR} inside values. Substituted in parsed scalars, never in raw text, so
// that a value cannot change the file's structure. $${ is a literal ${.
#pragma once

#include <functional>
#include <optional>
#include <string>
#include <string_view>

namespace weir {

/// Looks a variable up; nothing if it is not set.
using Environment = std::function<std::optional<std::string>(std::string_view name)>;
/// The environment of this process.
Environment process_environment();

/// What became of a text: `fault` says why it could not be done, at byte `offset` of the text.
struct Substitution {
  std::string text;
  bool substituted = false;  // at least one variable was replaced
  std::string fault;         // empty: all went well
  std::size_t offset = 0;
};

/// Replaces every variable of `text`.
Substitution substitute(std::string_view text, const Environment& environment);

}  // namespace weir
