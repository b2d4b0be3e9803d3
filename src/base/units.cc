#include "base/units.h"

#include <array>
#include <charconv>
#include <utility>

namespace weir {
namespace {

constexpr std::array<std::pair<std::string_view, std::uint64_t>, 4> kTimes = {
    {{"h", 3'600'000}, {"m", 60'000}, {"s", 1'000}, {"ms", 1}}};
constexpr std::array<std::pair<std::string_view, std::uint64_t>, 4> kSizes = {
    {{"GB", 1ULL << 30}, {"MB", 1ULL << 20}, {"KB", 1ULL << 10}, {"", 1}}};
constexpr std::uint64_t kYearMs = 365ULL * 24 * 3'600'000;
constexpr std::uint64_t kSizeMax = 1ULL << 50;

template <std::size_t N>
std::optional<std::uint64_t> parse(std::string_view text,
                                   const std::array<std::pair<std::string_view, std::uint64_t>, N>& units,
                                   std::uint64_t most) noexcept {
  std::uint64_t count = 0;
  const auto [end, trouble] = std::from_chars(text.data(), text.data() + text.size(), count);
  if (trouble != std::errc()) return std::nullopt;
  text.remove_prefix(static_cast<std::size_t>(end - text.data()));
  for (const auto& [name, factor] : units)
    if (name == text) return count > most / factor ? std::nullopt : std::optional(count * factor);
  return std::nullopt;
}

template <std::size_t N>
std::string format(std::uint64_t value,
                   const std::array<std::pair<std::string_view, std::uint64_t>, N>& units) {
  for (const auto& [name, factor] : units)
    if (value % factor == 0 && value >= factor) return std::to_string(value / factor) + std::string(name);
  return "0" + std::string(units.back().first);
}

}  // namespace

std::optional<std::chrono::milliseconds> parse_duration(std::string_view text) noexcept {
  const auto value = parse(text, kTimes, kYearMs);
  if (!value) return std::nullopt;
  return std::chrono::milliseconds(*value);
}

std::optional<std::uint64_t> parse_size(std::string_view text) noexcept {
  return parse(text, kSizes, kSizeMax);
}

std::string format_duration(std::chrono::milliseconds value) {
  return format(static_cast<std::uint64_t>(value.count()), kTimes);
}

std::string format_size(std::uint64_t bytes) { return format(bytes, kSizes); }

}  // namespace weir
