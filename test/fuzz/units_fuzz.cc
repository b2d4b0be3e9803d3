// Quantities as people write them: what is read is what a plain reading gives, and what is written is read
// back as the same.
#include <cmath>
#include <cstdint>
#include <limits>
#include <optional>
#include <string>
#include <string_view>

#include "base/check.h"
#include "base/units.h"

namespace {

constexpr auto kCountMax = std::numeric_limits<std::uint64_t>::max();

// By way of a type in which nothing overflows: 20 digits and a factor fit, and more saturate in any case.
std::optional<std::uint64_t> plainly(std::string_view text, std::string_view unit, std::uint64_t factor,
                                     std::uint64_t max) {
  if (!text.ends_with(unit)) return std::nullopt;
  text.remove_suffix(unit.size());
  if (text.empty()) return std::nullopt;
  long double value = 0;
  for (const char c : text) {
    if (c < '0' || c > '9') return std::nullopt;
    value = value * 10 + (c - '0');
  }
  if (value * static_cast<long double>(factor) >= static_cast<long double>(max)) return max;
  return static_cast<std::uint64_t>(value) * factor;
}

template <class Units>
std::optional<std::uint64_t> first_of(std::string_view text, const Units& units, std::uint64_t max) {
  for (const auto& [unit, factor] : units)
    if (const auto value = plainly(text, unit, factor, max)) return value;
  return std::nullopt;
}

struct Unit {
  std::string_view name;
  std::uint64_t factor;
};

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  if (size > 64) return 0;
  const std::string_view text(reinterpret_cast<const char*>(data), size);
  WEIR_CHECK(weir::parse_count(text) == plainly(text, "", 1, kCountMax));

  constexpr Unit durations[] = {{"ms", 1}, {"s", 1000}, {"m", 60'000}, {"h", 3'600'000}};
  constexpr auto longest = static_cast<std::uint64_t>(std::chrono::milliseconds::max().count());
  const auto duration = weir::parse_duration(text);
  const auto expected = first_of(text, durations, longest);
  WEIR_CHECK(duration.has_value() == expected.has_value());
  if (duration) {
    WEIR_CHECK(static_cast<std::uint64_t>(duration->count()) == *expected);
    WEIR_CHECK(weir::parse_duration(weir::format_duration(*duration)) == duration);
  }

  constexpr Unit sizes[] = {{"KB", 1024}, {"MB", 1024 * 1024}, {"GB", 1024 * 1024 * 1024}, {"B", 1}};
  const auto bytes = weir::parse_size(text);
  WEIR_CHECK(bytes == first_of(text, sizes, kCountMax));
  if (bytes) WEIR_CHECK(weir::parse_size(weir::format_size(*bytes)) == bytes);

  const auto share = weir::parse_share(text);
  if (share) {
    const bool percent = text.ends_with('%');
    const double plain = std::stod(std::string(text)) / (percent ? 100 : 1);
    WEIR_CHECK(*share >= 0 && std::fabs(*share - plain) <= plain * 1e-12);
    WEIR_CHECK(text.find_first_not_of("0123456789.%") == std::string_view::npos);
    const std::string written = weir::format_share(std::min(*share, 1.0));
    const auto again = weir::parse_share(written);
    WEIR_CHECK(again && std::fabs(*again - std::min(*share, 1.0)) < 1e-10);
    WEIR_CHECK(weir::format_share(*again) == written);
  }
  return 0;
}
