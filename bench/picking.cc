// How long a pick takes, by strategy and number of endpoints, with calls under way as in service; how long a
// sample takes to note; how long a ring takes to make; what a circuit breaker costs beside it. Run:
// tools/build release bench_picking, then build/release/bench_picking.
#include <benchmark/benchmark.h>

#include <array>
#include <memory>
#include <string>
#include <vector>

#include "balance/calls.h"
#include "balance/picker.h"
#include "resilience/breaker.h"

namespace weir {
namespace {

using Strategy = LoadBalancingConfig::Strategy;

struct Endpoints {
  explicit Endpoints(std::size_t size) {
    Random random(1);
    const TimePoint now{std::chrono::hours(1)};
    for (std::size_t i = 0; i < size; ++i) {
      EndpointFacts& facts = (*all)[i];
      facts.in_flight = static_cast<std::uint32_t>(3 + random.below(3));
      facts.slowness = static_cast<float>(random.unit());
      facts.sampled_at = facts_time(now);
      candidates.push_back({&facts, "http://10.0.0." + std::to_string(i) + ":8080/mcp",
                            static_cast<std::uint32_t>(1 + i % 3), true});
    }
  }
  std::unique_ptr<std::array<EndpointFacts, 100>> all = std::make_unique<std::array<EndpointFacts, 100>>();
  std::vector<Candidate> candidates;
};

std::shared_ptr<Picker> make(Strategy strategy, const Endpoints& endpoints) {
  LoadBalancingConfig config;
  config.strategy = strategy;
  return make_picker(config, endpoints.candidates, nullptr);
}

/// One pick among others that are under way: each ends when 16 more have begun.
void pick(benchmark::State& state, Strategy strategy) {
  Endpoints endpoints(static_cast<std::size_t>(state.range(0)));
  const std::shared_ptr<Picker> picker = make(strategy, endpoints);
  Random random(2);
  TimePoint now{std::chrono::hours(1)};
  for (std::size_t i = 0; i < endpoints.candidates.size(); ++i) {
    for (int n = 0; n < 10; ++n) picker->note(i, 1, std::chrono::milliseconds(10), false, now);
  }
  std::array<EndpointFacts*, 16> under_way{};
  std::size_t turn = 0;
  for (auto _ : state) {
    now += std::chrono::microseconds(10);
    EndpointFacts& facts = (*endpoints.all)[picker->pick({now, random.next(), 1}, random)];
    facts.in_flight.fetch_add(1, std::memory_order_relaxed);
    EndpointFacts*& oldest = under_way[turn++ % under_way.size()];
    if (oldest != nullptr) oldest->in_flight.fetch_sub(1, std::memory_order_release);
    oldest = &facts;
  }
}
BENCHMARK_CAPTURE(pick, round_robin, Strategy::round_robin)->Arg(3)->Arg(100);
BENCHMARK_CAPTURE(pick, weighted_round_robin, Strategy::weighted_round_robin)->Arg(3)->Arg(100);
BENCHMARK_CAPTURE(pick, random, Strategy::random)->Arg(3)->Arg(100);
BENCHMARK_CAPTURE(pick, least_connections, Strategy::least_connections)->Arg(3)->Arg(8)->Arg(100);
BENCHMARK_CAPTURE(pick, consistent_hash, Strategy::consistent_hash)->Arg(3)->Arg(100);
BENCHMARK_CAPTURE(pick, adaptive_latency, Strategy::adaptive_latency)->Arg(3)->Arg(100);

void note_adaptive(benchmark::State& state) {
  Endpoints endpoints(3);
  const std::shared_ptr<Picker> picker = make(Strategy::adaptive_latency, endpoints);
  Random random(2);
  TimePoint now{std::chrono::hours(1)};
  for (auto _ : state) {
    now += std::chrono::microseconds(100);
    const std::uint64_t drawn = random.next();
    picker->note(drawn % 3, drawn >> 60, std::chrono::microseconds(9'000 + (drawn >> 8) % 2'000), false, now);
  }
}
BENCHMARK(note_adaptive);

void make_ring(benchmark::State& state) {
  const Endpoints endpoints(static_cast<std::size_t>(state.range(0)));
  std::vector<Candidate> equal = endpoints.candidates;
  for (Candidate& candidate : equal) candidate.weight = 1;
  LoadBalancingConfig config;
  config.strategy = Strategy::consistent_hash;
  for (auto _ : state) benchmark::DoNotOptimize(make_picker(config, equal, nullptr));
}
BENCHMARK(make_ring)->Arg(3)->Arg(100)->Unit(benchmark::kMicrosecond);

void remake_ring(benchmark::State& state) {
  const Endpoints endpoints(100);
  std::vector<Candidate> candidates = endpoints.candidates;
  LoadBalancingConfig config;
  config.strategy = Strategy::consistent_hash;
  std::shared_ptr<Picker> picker = make_picker(config, candidates, nullptr);
  for (auto _ : state) {
    candidates[7].eligible = !candidates[7].eligible;
    picker = make_picker(config, candidates, picker);
  }
}
BENCHMARK(remake_ring)->Unit(benchmark::kMicrosecond);

void hash_key(benchmark::State& state) {
  const std::string text(static_cast<std::size_t>(state.range(0)), 'x');
  for (auto _ : state) benchmark::DoNotOptimize(hash_bytes(text));
}
BENCHMARK(hash_key)->Arg(16)->Arg(1024);

/// What every call pays while nothing is wrong.
void breaker_closed(benchmark::State& state) {
  Breaker breaker({3, 3}, [](Breaker::Event) {});
  for (auto _ : state) benchmark::DoNotOptimize(breaker.closed());
}
BENCHMARK(breaker_closed);

/// What a call pays that tries an endpoint which is half open.
void breaker_permit(benchmark::State& state) {
  Breaker breaker({3, 10'000}, [](Breaker::Event) {});
  breaker.half_open(false);
  const TimePoint now{std::chrono::hours(1)};
  for (auto _ : state) breaker.enter(now).end(TrialOutcome::none);
}
BENCHMARK(breaker_permit);

}  // namespace
}  // namespace weir

BENCHMARK_MAIN();
