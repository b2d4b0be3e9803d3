#include "config/redact.h"

#include <algorithm>
#include <array>

#include "config/describe.h"
#include "config/text_rules.h"
#include "config/writer.h"

namespace weir {
namespace {

constexpr std::string_view kHidden = "***";

bool contains_any(std::string_view text, std::span<const std::string_view> words) {
  const std::string folded = lower_case(text);
  return std::any_of(words.begin(), words.end(),
                     [&](std::string_view word) { return folded.find(word) != std::string::npos; });
}

// A flag's or a variable's name that announces a secret.
bool names_secret(std::string_view name) {
  static constexpr std::string_view kWords[] = {"token",      "key",    "secret", "passw", "auth",
                                                "credential", "bearer", "cookie", "pwd",   "dsn"};
  return contains_any(name, kWords);
}

// Flags whose value is a header or NAME=VALUE.
bool takes_pairs(std::string_view flag) {
  static constexpr std::string_view kFlags[] = {"-e", "--env", "-H", "--header", "--headers"};
  return std::find(std::begin(kFlags), std::end(kFlags), flag) != std::end(kFlags);
}

bool is_token(std::string_view text) {
  static constexpr std::string_view kPrefixes[] = {
      "sk-",   "sk_",   "pk_",  "ghp_", "gho_", "ghs_",    "github_pat_", "glpat-", "xoxb-",
      "xoxp-", "xapp-", "AKIA", "AIza", "eyJ",  "Bearer ", "Basic ",      "ntn_",   "hf_"};
  return text.size() > 8 && std::any_of(std::begin(kPrefixes), std::end(kPrefixes),
                                        [&](std::string_view prefix) { return text.starts_with(prefix); });
}

std::string redact_word(std::string_view word) {
  if (word.find("://") != std::string_view::npos && word.find('=') > word.find("://"))
    return redact_url(word);
  const std::size_t equals = word.find('=');
  if (equals != std::string_view::npos && names_secret(word.substr(0, equals)))
    return std::string(word.substr(0, equals + 1)).append(kHidden);
  if (equals != std::string_view::npos && equals > 0)
    return std::string(word.substr(0, equals + 1)) + redact_word(word.substr(equals + 1));
  return is_token(word) ? std::string(kHidden) : std::string(word);
}

// One argument; a script given as one argument is looked through word by word.
std::string redact_argument(std::string_view argument) {
  if (is_token(argument)) return std::string(kHidden);
  std::string out;
  bool hide_next = false;
  for (std::size_t at = 0; at < argument.size();) {
    const std::size_t end = std::min(argument.find_first_of(" \t\n", at), argument.size());
    const std::string_view word = argument.substr(at, end - at);
    out += hide_next && !word.empty() ? std::string(kHidden) : redact_word(word);
    if (!word.empty())
      hide_next = word.starts_with('-') && word.find('=') == std::string_view::npos && names_secret(word);
    if (end < argument.size()) out += argument[end];
    at = end + 1;
  }
  return out;
}

// "NAME=VALUE" and "Name: value" keep their names.
std::string redact_pair(std::string_view pair) {
  const std::size_t end = pair.find_first_of("=:");
  if (end == std::string_view::npos) return std::string(pair);
  return std::string(pair.substr(0, end + 1)).append(kHidden);
}

}  // namespace

std::string redact_url(std::string_view url) {
  url = url.substr(0, url.find_first_of("?#"));
  const std::size_t scheme = url.find("://");
  if (scheme == std::string_view::npos) return std::string(url);
  const std::size_t authority = scheme + 3;
  const std::size_t path = std::min(url.find('/', authority), url.size());
  const std::size_t at = url.substr(0, path).rfind('@');
  if (at == std::string_view::npos || at < authority) return std::string(url);
  return std::string(url.substr(0, authority)).append(url.substr(at + 1));
}

std::vector<std::string> redact_arguments(const std::vector<std::string>& arguments) {
  std::vector<std::string> out;
  bool hide = false, pair = false;
  for (const std::string& argument : arguments) {
    const bool flag = argument.starts_with('-') && argument.find('=') == std::string::npos &&
                      argument.find(' ') == std::string::npos;
    if (hide && !flag)
      out.emplace_back(kHidden);
    else if (pair && !flag)
      out.push_back(redact_pair(argument));
    else
      out.push_back(redact_argument(argument));
    pair = flag && takes_pairs(argument);
    hide = flag && !pair && names_secret(argument);
  }
  return out;
}

std::string redacted_json(const Config& config) {
  std::string out;
  config_json::put_block(out, root_block(), &config);
  return out;
}

}  // namespace weir
