#include "balance/picker.h"

#include <bit>
#include <cstring>

#include "balance/adaptive.h"
#include "balance/baselines.h"
#include "balance/field.h"
#include "balance/least.h"
#include "balance/mix.h"
#include "balance/near_math.h"
#include "balance/ring.h"
#include "balance/rotation.h"
#include "base/check.h"

namespace weir {
namespace {

std::uint64_t word_at(const char* bytes, std::size_t length) noexcept {
  std::uint64_t word = 0;
  if constexpr (std::endian::native == std::endian::little) {
    std::memcpy(&word, bytes, length);
  } else {
    for (std::size_t i = 0; i < length; ++i)
      word |= std::uint64_t{static_cast<unsigned char>(bytes[i])} << (8 * i);
  }
  return word;
}

}  // namespace

namespace {

std::shared_ptr<Picker> make(const LoadBalancingConfig& config, std::vector<Candidate> candidates,
                             const std::shared_ptr<Picker>& before) {
  using Strategy = LoadBalancingConfig::Strategy;
  Field field(std::move(candidates), config.slow_start);
  switch (config.strategy) {
    case Strategy::round_robin:
    case Strategy::weighted_round_robin:
      return std::make_shared<Rotation>(std::move(field), config.strategy == Strategy::weighted_round_robin,
                                        dynamic_cast<const Rotation*>(before.get()));
    case Strategy::least_connections:
      return std::make_shared<LeastConnections>(std::move(field));
    case Strategy::consistent_hash:
      return std::make_shared<Ring>(std::move(field), config.virtual_nodes, config.bounded_load,
                                    dynamic_cast<const Ring*>(before.get()));
    case Strategy::adaptive_latency:
      return std::make_shared<Adaptive>(std::move(field), config.window);
    case Strategy::random:
      return std::make_shared<RandomChoice>(std::move(field));
  }
  WEIR_CHECK(false);
  return nullptr;
}

// How many times as long as usual a call takes that is late, and how many of its kind tell what is usual.
constexpr float kLate = 4;
constexpr std::uint32_t kKnownCalls = 5;

}  // namespace

Picker::Picker() : baselines_(std::make_shared<Baselines>()) {}
Picker::~Picker() = default;

void Picker::note(std::size_t, std::uint64_t kind, Duration took, bool failed, TimePoint) noexcept {
  if (!failed) baselines_->learn(kind, near_log2(nanoseconds_of(took)));
}

void Picker::outrun(std::size_t, std::uint64_t, Duration, TimePoint) noexcept {}

bool Picker::is_late(std::uint64_t kind, Duration took) const noexcept {
  const Baseline known = baselines_->find(kind);
  return known.calls >= kKnownCalls && nanoseconds_of(took) > kLate * near_exp2(known.usual);
}

std::shared_ptr<Picker> make_picker(const LoadBalancingConfig& config, std::vector<Candidate> candidates,
                                    const std::shared_ptr<Picker>& before) {
  std::shared_ptr<Picker> picker = make(config, std::move(candidates), before);
  if (before) picker->baselines_ = before->baselines_;
  return picker;
}

std::uint64_t hash_bytes(std::string_view bytes, std::uint64_t seed) noexcept {
  // Each step is one to one in the state, and so is the end: words that differ in one place never meet.
  std::uint64_t state = mix_bits(seed + 0x9e3779b97f4a7c15) ^ bytes.size();
  const auto take = [&state](std::uint64_t word) {
    state = std::rotl(state ^ word * 0xd6e8feb86659fd93, 29) * 0xa0761d6478bd642f + 0x2545f4914f6cdd1d;
  };
  for (; bytes.size() >= 8; bytes.remove_prefix(8)) take(word_at(bytes.data(), 8));
  if (!bytes.empty()) take(word_at(bytes.data(), bytes.size()));
  return mix_bits(state);
}

}  // namespace weir
