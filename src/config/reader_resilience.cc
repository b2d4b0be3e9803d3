// The parts of the reader for the values of resilience: blocks that may be `false`, values that may be left
// out, and the delay of a hedge.
#include "config/reader.h"

namespace weir {

bool Reader::is_off(const YamlNode& node) noexcept { return node.is_scalar() && node.text == "false"; }

void Reader::value(const YamlNode& node, const Field& field, std::optional<bool>& out) {
  bool flag = false;
  const std::size_t before = diagnostics_.errors();
  value(node, field, flag);
  if (before == diagnostics_.errors()) out = flag;
}

void Reader::value(const YamlNode& node, const Field& field, std::optional<std::size_t>& out) {
  std::size_t number = 0;
  const std::size_t before = diagnostics_.errors();
  value(node, field, number);
  if (before == diagnostics_.errors()) out = number;
}

void Reader::value(const YamlNode& node, const Field& field, HedgeDelay& out) {
  const auto found = word(node, field);
  if (!found) return;
  if (found->starts_with('p')) {
    const std::string_view digits = std::string_view(*found).substr(1);
    const bool two =
        digits.size() == 2 && digits[0] >= '5' && digits[0] <= '9' && digits[1] >= '0' && digits[1] <= '9';
    if (!two) return wrong(node, field);
    out.fixed.reset();
    out.percentile = static_cast<unsigned>(10 * (digits[0] - '0') + digits[1] - '0');
    return;
  }
  std::chrono::milliseconds time(-1);
  value(node, field, time);
  if (time.count() >= 0) out.fixed = time;
}

}  // namespace weir
