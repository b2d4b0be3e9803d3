// Which storms run: WEIR_SEED=N that one alone, WEIR_SEEDS=N so many, else what the test says.
#pragma once

#include <cstdint>
#include <cstdlib>
#include <vector>

namespace weir::sim {

inline std::vector<std::uint64_t> seeds(std::uint64_t count) {
  std::vector<std::uint64_t> out;
  if (const char* one = std::getenv("WEIR_SEED")) {
    out.push_back(std::strtoull(one, nullptr, 10));
    return out;
  }
  if (const char* more = std::getenv("WEIR_SEEDS")) count = std::strtoull(more, nullptr, 10);
  for (std::uint64_t seed = 1; seed <= count; ++seed) out.push_back(seed);
  return out;
}

}  // namespace weir::sim
