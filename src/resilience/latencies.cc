#include "resilience/latencies.h"

#include <bit>

namespace weir {
namespace {

constexpr std::size_t kOctaves = 24;  // of microseconds: up to 16 s and more
constexpr std::size_t kBuckets = 4 * kOctaves;
constexpr std::uint32_t kMost = 1024;   // samples; then all are halved
constexpr std::uint32_t kRefresh = 32;  // samples between two looks at the percentiles
constexpr std::size_t kProbes = 8;      // places that a kind may be at

// Four buckets an octave: the exponent and the two bits behind the highest.
std::size_t bucket_of(Duration took) noexcept {
  const auto us = static_cast<std::uint64_t>(
      std::max<std::int64_t>(std::chrono::duration_cast<std::chrono::microseconds>(took).count(), 4));
  const auto octave = static_cast<std::size_t>(std::bit_width(us)) - 1;
  const std::size_t bucket = 4 * (octave - 2) + ((us >> (octave - 2)) & 3);
  return bucket < kBuckets ? bucket : kBuckets - 1;
}

// The bucket's upper end.
Duration end_of(std::size_t bucket) noexcept {
  const std::size_t octave = bucket / 4 + 2;
  return std::chrono::microseconds((std::uint64_t{5 + bucket % 4}) << (octave - 2));
}

}  // namespace

struct Latencies::Kind {
  explicit Kind(std::uint64_t of) noexcept : kind(of) {}
  const std::uint64_t kind;
  std::atomic<std::uint32_t> samples{0};  // halved with the buckets
  std::atomic<std::uint32_t> seen{0};     // all, up to kLeast
  std::atomic<Duration::rep> watched{0};
  std::atomic<Duration::rep> p99{0};
  std::array<std::atomic<std::uint32_t>, kBuckets> buckets{};
};

Latencies::~Latencies() {
  for (auto& kind : kinds_) delete kind.load(std::memory_order_relaxed);
}

Latencies::Kind* Latencies::look_up(std::uint64_t kind) const noexcept {
  for (std::size_t i = 0; i < kProbes; ++i) {
    Kind* const one = kinds_[(kind + i) % kKinds].load(std::memory_order_acquire);
    if (one == nullptr || one->kind == kind) return one;
  }
  return nullptr;
}

Latencies::Kind* Latencies::make(std::uint64_t kind) noexcept {
  auto fresh = std::make_unique<Kind>(kind);
  for (std::size_t i = 0; i < kProbes; ++i) {
    std::atomic<Kind*>& place = kinds_[(kind + i) % kKinds];
    Kind* there = nullptr;
    if (place.compare_exchange_strong(there, fresh.get(), std::memory_order_acq_rel)) return fresh.release();
    if (there->kind == kind) return there;
  }
  return nullptr;
}

void Latencies::note(std::uint64_t kind, Duration took) noexcept {
  Kind* of = look_up(kind);
  if (of == nullptr) of = make(kind);
  if (of == nullptr) return;
  of->buckets[bucket_of(took)].fetch_add(1, std::memory_order_relaxed);
  const std::uint32_t samples = of->samples.fetch_add(1, std::memory_order_relaxed) + 1;
  const std::uint32_t seen = of->seen.load(std::memory_order_relaxed);
  if (seen < kLeast) of->seen.store(seen + 1, std::memory_order_relaxed);
  if (samples % kRefresh == 0 || seen + 1 == kLeast) refresh(*of);
}

void Latencies::refresh(Kind& of) noexcept {
  std::array<std::uint32_t, kBuckets> counts;
  std::uint32_t all = 0;
  for (std::size_t i = 0; i < kBuckets; ++i) all += counts[i] = of.buckets[i].load(std::memory_order_relaxed);
  const auto at = [&](unsigned percentile) {
    const std::uint64_t wanted = (std::uint64_t{all} * percentile + 99) / 100;
    std::uint64_t sum = 0;
    std::size_t i = 0;
    while (i + 1 < kBuckets && (sum += counts[i]) < wanted) ++i;
    return end_of(i).count();
  };
  of.watched.store(at(watched_.load(std::memory_order_relaxed)), std::memory_order_relaxed);
  of.p99.store(at(99), std::memory_order_relaxed);
  if (all < kMost) return;
  // What has long been so counts for less than what is so now.
  std::uint32_t left = 0;
  for (std::size_t i = 0; i < kBuckets; ++i) {
    of.buckets[i].store(counts[i] / 2, std::memory_order_relaxed);
    left += counts[i] / 2;
  }
  of.samples.store(left, std::memory_order_relaxed);
}

std::optional<Latencies::Known> Latencies::find(std::uint64_t kind) const noexcept {
  const Kind* const of = look_up(kind);
  if (of == nullptr || of->seen.load(std::memory_order_relaxed) < kLeast) return std::nullopt;
  return Known{Duration(of->watched.load(std::memory_order_relaxed)),
               Duration(of->p99.load(std::memory_order_relaxed))};
}

}  // namespace weir
