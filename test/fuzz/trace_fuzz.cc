// Trace context that callers send: taken exactly as the standard has it, and written so that the next one
// takes it too. The value of traceparent comes first, then that of tracestate.
#include <algorithm>
#include <cstdint>
#include <set>
#include <string>
#include <string_view>

#include "base/check.h"
#include "fuzz/input.h"
#include "obs/trace.h"

namespace {

// 2-32-16-2 lower-case hex digits; what follows belongs to a later version.
bool plainly_valid(std::string_view text) {
  constexpr std::string_view form = "xx-xxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxx-xxxxxxxxxxxxxxxx-xx";
  if (text.size() < form.size()) return false;
  for (std::size_t i = 0; i < form.size(); ++i) {
    const bool digit = std::string_view("0123456789abcdef").find(text[i]) != std::string_view::npos;
    if (form[i] == 'x' ? !digit : text[i] != '-') return false;
  }
  const std::string_view rest = text.substr(form.size());
  if (!rest.empty() && (rest[0] != '-' || text.starts_with("00"))) return false;
  return !text.starts_with("ff") && text.substr(3, 32).find_first_not_of('0') != std::string_view::npos &&
         text.substr(36, 16).find_first_not_of('0') != std::string_view::npos;
}

void check_state(std::string_view text) {
  const auto state = weir::parse_tracestate(text);
  if (!state) return;
  WEIR_CHECK(state->size() <= 512);
  WEIR_CHECK(weir::parse_tracestate(*state) == state);
  std::set<std::string> keys;
  for (std::string_view rest = *state; !rest.empty();) {
    const std::string_view member = rest.substr(0, rest.find(','));
    rest.remove_prefix(std::min(rest.size(), member.size() + 1));
    const std::size_t equals = member.find('=');
    WEIR_CHECK(equals != std::string_view::npos && equals > 0 && equals + 1 < member.size());
    WEIR_CHECK(keys.insert(std::string(member.substr(0, equals))).second);
    // Nothing but what was sent.
    WEIR_CHECK(text.find(member) != std::string_view::npos);
    for (const char c : member) WEIR_CHECK(c >= ' ' && c <= '~');
  }
  WEIR_CHECK(keys.size() <= 32);
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  if (size > 8192) return 0;
  weir::fuzz::Input input(data, size);
  const std::string_view text = input.text();
  const auto ids = weir::parse_traceparent(text);
  WEIR_CHECK(ids.has_value() == plainly_valid(text));
  if (ids) {
    std::string written;
    weir::append_traceparent(written, *ids);
    WEIR_CHECK(written.size() == 55 && weir::parse_traceparent(written) == ids);
    WEIR_CHECK(written.substr(2, 51) == text.substr(2, 51));
    const weir::SpanIds child = weir::child_of(*ids, [next = ids->span]() mutable { return next++; });
    WEIR_CHECK(child.trace_high == ids->trace_high && child.trace_low == ids->trace_low);
    WEIR_CHECK(child.span != ids->span && child.valid() && child.sampled == ids->sampled);
  }
  check_state(input.rest());
  return 0;
}
