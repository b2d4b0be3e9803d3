// Quantities as people write them: durations (100ms, 30s, 5m, 2h), sizes (32KB, 4MB, 1GB; KB = 1,024 bytes)
// and shares (20%, 0.2). Pure functions; whole numbers with exactly one unit, no signs, no spaces. What is
// too large for the type saturates, so that a range check can say so.
#pragma once

#include <chrono>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

namespace weir {

/// A whole number without a sign; saturates at 2^64 - 1.
std::optional<std::uint64_t> parse_count(std::string_view text) noexcept;
/// "100ms", "30s", "5m", "2h".
std::optional<std::chrono::milliseconds> parse_duration(std::string_view text) noexcept;
/// "512B", "32KB", "4MB", "1GB".
std::optional<std::size_t> parse_size(std::string_view text) noexcept;
/// "20%" or "0.2" as 0.2; at most nine digits on either side of the point. Not limited to 1.
std::optional<double> parse_share(std::string_view text) noexcept;

/// The shortest form that parse_duration() reads back to the same value: "90s", "1500ms", "5m". Not negative.
std::string format_duration(std::chrono::milliseconds value);
/// The shortest form that parse_size() reads back to the same value: "4MB", "1000B".
std::string format_size(std::size_t value);
/// "1.25": the number without a sign or an exponent, at most nine digits behind the point. From 0 to 1,000.
std::string format_decimal(double value);
/// "20%": what parse_share() reads back to the same value, if that came from text. From 0 to 1.
std::string format_share(double value);

}  // namespace weir
