#include "admin/query.h"

#include <algorithm>

#include "base/json.h"
#include "base/url.h"

namespace weir {

namespace {

// The raw value of the first member of this name. Nothing: there is none.
std::optional<std::string_view> raw_member(std::string_view target, std::string_view name) {
  const std::size_t mark = target.find('?');
  std::string_view rest = mark == std::string_view::npos ? std::string_view() : target.substr(mark + 1);
  while (!rest.empty()) {
    const std::string_view one = rest.substr(0, rest.find('&'));
    rest.remove_prefix(std::min(rest.size(), one.size() + 1));
    const std::size_t equals = std::min(one.find('='), one.size());
    if (one.substr(0, equals) == name) return one.substr(std::min(equals + 1, one.size()));
  }
  return std::nullopt;
}

}  // namespace

std::optional<std::string> query_of(std::string_view target, std::string_view name) {
  const std::optional<std::string_view> raw = raw_member(target, name);
  std::optional<std::string> value = raw ? percent_decoded(*raw) : std::nullopt;
  // Answers repeat it in JSON.
  if (value && !utf8_valid(*value)) value.reset();
  return value;
}

bool names_member(std::string_view target, std::string_view name) {
  return raw_member(target, name).has_value();
}

}  // namespace weir
