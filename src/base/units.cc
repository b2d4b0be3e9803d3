#include "base/units.h"

#include <array>
#include <cmath>
#include <limits>

namespace weir {
namespace {

struct Unit {
  std::string_view name;
  std::uint64_t factor;
};

// From the largest to the smallest: formatting takes the first that divides.
constexpr std::array<Unit, 4> kDurations{{{"h", 3'600'000}, {"m", 60'000}, {"s", 1'000}, {"ms", 1}}};
constexpr std::array<Unit, 4> kSizes{{{"GB", 1ull << 30}, {"MB", 1ull << 20}, {"KB", 1ull << 10}, {"B", 1}}};

std::uint64_t times(std::uint64_t count, std::uint64_t factor, std::uint64_t max) noexcept {
  return count > max / factor ? max : count * factor;
}

std::optional<std::uint64_t> parse_unit(std::string_view text, const std::array<Unit, 4>& units,
                                        std::uint64_t max) noexcept {
  const std::size_t digits = text.find_first_not_of("0123456789");
  if (digits == std::string_view::npos) return std::nullopt;
  const auto count = parse_count(text.substr(0, digits));
  if (!count) return std::nullopt;
  for (const Unit& unit : units)
    if (text.substr(digits) == unit.name) return times(*count, unit.factor, max);
  return std::nullopt;
}

std::string format_unit(std::uint64_t value, const std::array<Unit, 4>& units, std::string_view zero) {
  if (value == 0) return std::string(zero);
  for (const Unit& unit : units)
    if (value % unit.factor == 0) return std::to_string(value / unit.factor).append(unit.name);
  return {};  // the last unit's factor is 1
}

}  // namespace

std::optional<std::uint64_t> parse_count(std::string_view text) noexcept {
  constexpr std::uint64_t kMax = std::numeric_limits<std::uint64_t>::max();
  if (text.empty()) return std::nullopt;
  std::uint64_t value = 0;
  for (const char c : text) {
    if (c < '0' || c > '9') return std::nullopt;
    const auto digit = static_cast<std::uint64_t>(c - '0');
    value = value > (kMax - digit) / 10 ? kMax : value * 10 + digit;
  }
  return value;
}

std::optional<std::chrono::milliseconds> parse_duration(std::string_view text) noexcept {
  constexpr auto kMax = static_cast<std::uint64_t>(std::chrono::milliseconds::max().count());
  const auto value = parse_unit(text, kDurations, kMax);
  if (!value) return std::nullopt;
  return std::chrono::milliseconds(static_cast<std::chrono::milliseconds::rep>(*value));
}

std::optional<std::size_t> parse_size(std::string_view text) noexcept {
  return parse_unit(text, kSizes, std::numeric_limits<std::size_t>::max());
}

std::optional<double> parse_share(std::string_view text) noexcept {
  const bool percent = text.ends_with('%');
  if (percent) text.remove_suffix(1);
  const std::size_t point = text.find('.');
  const std::string_view whole = text.substr(0, point);
  const auto integer = parse_count(whole);
  if (!integer || whole.size() > 9) return std::nullopt;
  // One division of two whole numbers: what is written differently and means the same is the same.
  double count = static_cast<double>(*integer);
  double scale = 1;
  if (point != std::string_view::npos) {
    const std::string_view digits = text.substr(point + 1);
    const auto fraction = parse_count(digits);
    if (!fraction || digits.size() > 9) return std::nullopt;
    for (std::size_t i = 0; i < digits.size(); ++i) scale *= 10;
    count = count * scale + static_cast<double>(*fraction);
  }
  return count / (percent ? scale * 100 : scale);
}

std::string format_duration(std::chrono::milliseconds value) {
  return format_unit(static_cast<std::uint64_t>(value.count()), kDurations, "0s");
}

std::string format_size(std::size_t value) { return format_unit(value, kSizes, "0B"); }

std::string format_decimal(double value) {
  constexpr std::uint64_t kScale = 1'000'000'000;
  const auto count = static_cast<std::uint64_t>(std::llround(value * static_cast<double>(kScale)));
  std::string out = std::to_string(count / kScale);
  if (count % kScale == 0) return out;
  out += '.' + std::to_string(kScale + count % kScale).substr(1);
  return out.substr(0, out.find_last_not_of('0') + 1);
}

std::string format_share(double value) { return format_decimal(value * 100) + '%'; }

}  // namespace weir
