// Who gets a call: one strategy over the endpoints that may get calls now. A picker is made anew whenever
// that set changes (health, draining, weights: seldom) and takes over from the one before what must go on:
// the place in a rotation, the points of a ring. Picking itself takes no lock and allocates nothing; all
// shards pick with the same object. Source: R5, R6; each strategy's own file names its paper.
#pragma once

#include <cstddef>
#include <cstdint>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "base/random.h"
#include "call/endpoint_facts.h"
#include "config/config.h"

namespace weir {

class Baselines;

/// An endpoint as pickers see it. `facts` outlives the picker.
struct Candidate {
  EndpointFacts* facts = nullptr;
  std::string address;       // unique in its set: what a ring's points are made from
  std::uint32_t weight = 1;  // at least 1
  bool eligible = true;      // gets calls now
};

/// What a pick depends on besides the facts.
struct PickQuery {
  TimePoint now;
  std::uint64_t key = 0;   // consistent_hash: hash_bytes() of what calls have in common
  std::uint64_t kind = 0;  // adaptive_latency: as note() gets it; how long an answer may take depends on it
};

class Picker {
 public:
  virtual ~Picker();
  /// The place of the chosen endpoint among the candidates that the picker was made with; one of the eligible
  /// ones. Any shard; `random` is the caller's.
  virtual std::size_t pick(const PickQuery& query, Random& random) noexcept = 0;
  /// Notes how a call ended that pick() had chosen `place` for: how long it took, and whether by the
  /// endpoint's fault. `kind` tells calls apart that usually take differently long. Of use to
  /// adaptive_latency for its choice, and to all for is_late(). Any shard.
  virtual void note(std::size_t place, std::uint64_t kind, Duration took, bool failed,
                    TimePoint now) noexcept;
  /// Notes that a call which pick() had chosen `place` for was given up after `took`, without a word: another
  /// endpoint that was asked later had answered it. For choice as good as a failure, but the silence goes on.
  /// Any shard.
  virtual void outrun(std::size_t place, std::uint64_t kind, Duration took, TimePoint now) noexcept;
  /// True if calls of this kind are known to end much sooner, whichever endpoint answers. Any shard.
  bool is_late(std::uint64_t kind, Duration took) const noexcept;

 protected:
  Picker();
  Baselines& baselines() const noexcept { return *baselines_; }

 private:
  friend std::shared_ptr<Picker> make_picker(const LoadBalancingConfig& config,
                                             std::vector<Candidate> candidates,
                                             const std::shared_ptr<Picker>& before);
  std::shared_ptr<Baselines> baselines_;  // taken over from the one before
};

/// The picker of a strategy. At least one candidate is eligible. `before`: the one that it replaces, of the
/// same server; null: none.
std::shared_ptr<Picker> make_picker(const LoadBalancingConfig& config, std::vector<Candidate> candidates,
                                    const std::shared_ptr<Picker>& before);

/// A hash of any bytes, the same on every machine. Not against attackers who choose keys.
std::uint64_t hash_bytes(std::string_view bytes, std::uint64_t seed = 0) noexcept;

}  // namespace weir
