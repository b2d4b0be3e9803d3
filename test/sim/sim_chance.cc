// In a simulation the system's randomness comes from the seed, too: names of sessions decide where their
// calls go. This takes the place of the C library's getrandom() in the tests' program.
#include <sys/random.h>
#include <sys/syscall.h>
#include <unistd.h>

#include <cstring>

#include "sim/sim_world.h"

namespace weir::sim {
namespace {

thread_local std::mt19937_64* g_source = nullptr;  // of the world that lives on this thread

}  // namespace

FixedChance::FixedChance(std::uint64_t seed) : random_(~seed), outer_(std::exchange(g_source, &random_)) {}
FixedChance::~FixedChance() { g_source = outer_; }

}  // namespace weir::sim

extern "C" ssize_t getrandom(void* into, size_t size, unsigned flags) {
  std::mt19937_64* const source = weir::sim::g_source;
  if (source == nullptr) return syscall(SYS_getrandom, into, size, flags);
  auto* const bytes = static_cast<unsigned char*>(into);
  for (size_t i = 0; i < size; ++i) bytes[i] = static_cast<unsigned char>((*source)());
  return static_cast<ssize_t>(size);
}
