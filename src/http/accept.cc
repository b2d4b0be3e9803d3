#include "http/accept.h"

#include "http/head.h"

namespace weir {
namespace {

std::string_view trimmed(std::string_view text) noexcept {
  while (!text.empty() && (text.front() == ' ' || text.front() == '\t')) text.remove_prefix(1);
  while (!text.empty() && (text.back() == ' ' || text.back() == '\t')) text.remove_suffix(1);
  return text;
}

// What stands before the next `mark` outside of quotes; `rest` goes on behind it.
std::string_view next_part(std::string_view& rest, char mark) noexcept {
  bool quoted = false;
  std::size_t at = 0;
  for (; at != rest.size(); ++at) {
    if (quoted && rest[at] == '\\' && at + 1 != rest.size()) {
      ++at;
    } else if (rest[at] == '"') {
      quoted = !quoted;
    } else if (rest[at] == mark && !quoted) {
      break;
    }
  }
  const std::string_view part = rest.substr(0, at);
  rest.remove_prefix(at == rest.size() ? at : at + 1);
  return trimmed(part);
}

// 0: nothing is taken of it. Thousandths do not matter to whoever has one thing to offer.
bool is_zero(std::string_view weight) noexcept {
  if (weight.empty() || weight.front() != '0') return false;
  return weight.find_first_not_of("0.") == std::string_view::npos;
}

// How well a range fits: 3 the type itself, 2 its family, 1 anything, 0 not at all.
int fit(std::string_view range, std::string_view type) noexcept {
  if (equals_ignoring_case(range, type)) return 3;
  if (range == "*/*") return 1;
  const std::size_t slash = type.find('/') + 1;
  return range.size() == slash + 1 && range.back() == '*' &&
                 equals_ignoring_case(range.substr(0, slash), type.substr(0, slash))
             ? 2
             : 0;
}

}  // namespace

bool accepts(std::string_view accept, std::string_view type) noexcept {
  accept = trimmed(accept);
  if (accept.empty()) return true;
  int best = 0;
  bool taken = false;
  while (!accept.empty()) {
    std::string_view parameters = next_part(accept, ',');
    const int how = fit(next_part(parameters, ';'), type);
    if (how == 0 || how < best) continue;
    bool zero = false;
    while (!parameters.empty()) {
      std::string_view value = next_part(parameters, ';');
      const std::string_view name = next_part(value, '=');
      zero = zero || ((name == "q" || name == "Q") && is_zero(value));
    }
    taken = (how == best && taken) || !zero;
    best = how;
  }
  return taken;
}

std::string_view bare_type(std::string_view value) noexcept {
  return trimmed(value.substr(0, value.find(';')));
}

}  // namespace weir
