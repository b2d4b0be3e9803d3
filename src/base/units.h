// Durations, sizes and their texts, as people write them in the configuration.
#pragma once

#include <chrono>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

namespace weir {

/// "100ms", "30s", "5m", "2h"; decimal whole numbers only, at most a year. Nothing for anything else.
std::optional<std::chrono::milliseconds> parse_duration(std::string_view text) noexcept;
/// "32KB", "4MB", "1GB" (KB = 1,024 bytes) or a plain count of bytes. Nothing for anything else.
std::optional<std::uint64_t> parse_size(std::string_view text) noexcept;
/// The shortest exact form: "1500ms", "5m".
std::string format_duration(std::chrono::milliseconds value);
std::string format_size(std::uint64_t bytes);

}  // namespace weir
