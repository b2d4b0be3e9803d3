#include "config/variables.h"

#include <cstdlib>

namespace weir {
namespace {

bool is_name(std::string_view name) noexcept {
  constexpr std::string_view kLetters = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz_";
  if (name.empty() || kLetters.find(name.front()) == std::string_view::npos) return false;
  for (const char c : name)
    if (kLetters.find(c) == std::string_view::npos && (c < '0' || c > '9')) return false;
  return true;
}

// Replaces the variable whose inside is `inside`; false with `out.fault` set.
bool replace(std::string_view inside, const Environment& environment, Substitution& out) {
  const std::size_t dash = inside.find(":-");
  std::string_view name = inside.substr(0, dash);
  const bool by_prefix = name.starts_with("env:");
  if (by_prefix) name.remove_prefix(4);
  const std::string written = "${" + std::string(inside) + "}";
  if (!by_prefix && name.starts_with("input:")) {
    out.fault = written + " is asked for by VS Code; set an environment variable and write ${NAME} instead";
    return false;
  }
  if (!is_name(name)) {
    out.fault =
        written + " is no variable: write ${NAME}, ${NAME:-default} or ${env:NAME}; $${ is a literal ${";
    return false;
  }
  const std::optional<std::string> value = environment(name);
  const bool has_default = dash != std::string_view::npos;
  if (!value && !has_default) {
    out.fault = "the environment variable \"" + std::string(name) + "\" is not set (${" + std::string(name) +
                ":-default} gives a default)";
    return false;
  }
  const bool use_default = has_default && (!value || value->empty());
  out.text += use_default ? std::string(inside.substr(dash + 2)) : *value;
  out.substituted = true;
  return true;
}

}  // namespace

Environment process_environment() {
  return [](std::string_view name) -> std::optional<std::string> {
    const char* value = std::getenv(std::string(name).c_str());
    if (value == nullptr) return std::nullopt;
    return std::string(value);
  };
}

Substitution substitute(std::string_view text, const Environment& environment) {
  Substitution out;
  std::size_t at = 0;
  while (at < text.size()) {
    const std::size_t found = text.find("${", at);
    out.text += text.substr(at, found - at);
    if (found == std::string_view::npos) break;
    if (found > at && text[found - 1] == '$') {
      out.text += '{';  // the first $ was copied already
      at = found + 2;
      continue;
    }
    out.offset = found;
    const std::size_t end = text.find('}', found);
    const std::string_view inside =
        text.substr(found + 2, end == std::string_view::npos ? 0 : end - found - 2);
    if (end == std::string_view::npos || inside.find("${") != std::string_view::npos)
      out.fault = end == std::string_view::npos ? "${ without its }; $${ is a literal ${"
                                                : "a variable inside another's default is not supported";
    if (!out.fault.empty() || !replace(inside, environment, out)) return out;
    at = end + 1;
  }
  return out;
}

}  // namespace weir
