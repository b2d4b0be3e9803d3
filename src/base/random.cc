#include "base/random.h"

#include <sys/random.h>

#include <cerrno>
#include <cstring>

#include "base/check.h"

namespace weir {
namespace {

__extension__ using Wide = unsigned __int128;

std::uint64_t split_mix(std::uint64_t& state) noexcept {
  std::uint64_t mixed = state += 0x9e3779b97f4a7c15;
  mixed = (mixed ^ (mixed >> 30)) * 0xbf58476d1ce4e5b9;
  mixed = (mixed ^ (mixed >> 27)) * 0x94d049bb133111eb;
  return mixed ^ (mixed >> 31);
}

}  // namespace

Random::Random(std::uint64_t seed) noexcept {
  for (std::uint64_t& word : state_) word = split_mix(seed);
}

Random::Random(const State& state) noexcept : state_(state) {
  // From all zeros the generator never leaves zero.
  WEIR_CHECK((state[0] | state[1] | state[2] | state[3]) != 0);
}

Random Random::from_system() noexcept {
  State state{};
  ssize_t got;
  do got = getrandom(state.data(), sizeof(state), 0);
  while (got < 0 && errno == EINTR);
  // Up to 256 bytes come whole or not at all once the pool is ready.
  WEIR_CHECK(got == static_cast<ssize_t>(sizeof(state)));
  return Random(state);
}

std::uint64_t Random::below(std::uint64_t bound) noexcept {
  WEIR_CHECK(bound != 0);
  Wide product = Wide{next()} * bound;
  auto low = static_cast<std::uint64_t>(product);
  if (low < bound) {
    // The first 2^64 mod bound low words belong to the values that would come up once too often.
    const std::uint64_t surplus = (0 - bound) % bound;
    while (low < surplus) {
      product = Wide{next()} * bound;
      low = static_cast<std::uint64_t>(product);
    }
  }
  return static_cast<std::uint64_t>(product >> 64);
}

std::uint64_t Random::between(std::uint64_t low, std::uint64_t high) noexcept {
  WEIR_CHECK(low <= high);
  const std::uint64_t width = high - low + 1;
  return width == 0 ? next() : low + below(width);
}

void Random::fill(std::span<std::byte> bytes) noexcept {
  while (!bytes.empty()) {
    const std::uint64_t word = next();
    const std::size_t length = bytes.size() < sizeof(word) ? bytes.size() : sizeof(word);
    for (std::size_t i = 0; i < length; ++i) bytes[i] = static_cast<std::byte>(word >> (8 * i) & 0xff);
    bytes = bytes.subspan(length);
  }
}

}  // namespace weir
