#include "obs/rejections.h"

#include <array>
#include <atomic>

namespace weir {
namespace {

constexpr std::size_t kReasons = static_cast<std::size_t>(Rejected::count_);
constexpr std::array<std::string_view, kReasons> kNames = {"late_answer", "bad_answer",     "request_state",
                                                           "event_id",    "server_request", "slow_reader"};
constinit std::array<std::atomic<std::uint64_t>, kReasons> g_counts{};

}  // namespace

std::string_view to_string(Rejected reason) noexcept { return kNames[static_cast<std::size_t>(reason)]; }

void count_rejected(Rejected reason) noexcept {
  g_counts[static_cast<std::size_t>(reason)].fetch_add(1, std::memory_order_relaxed);
}

std::uint64_t rejected_so_far(Rejected reason) noexcept {
  return g_counts[static_cast<std::size_t>(reason)].load(std::memory_order_relaxed);
}

}  // namespace weir
