// How many endpoints of one server are out, by what sort of evidence: so that health never makes an outage of
// its own. Whoever is out is counted exactly once. Atomics: the endpoints of a server live on several shards.
// Source: Envoy's max_ejection_percent; resilience design sections 2 and 4.
#pragma once

#include <atomic>
#include <cstddef>
#include <cstdint>

namespace weir {

class EjectionQuota {
 public:
  /// Of `endpoints`; `max_ejected` is the share that calls' failures may take out (one always may be, unless
  /// it is the only one). Again on reload, with whoever is out staying out.
  void set(std::size_t endpoints, double max_ejected) noexcept;
  /// Takes one out for failing calls; false: there are too many out already. It is never the last one that is
  /// in, unless `max_ejected` allows all.
  bool eject() noexcept;
  /// Gives back what eject() took.
  void restore() noexcept;
  /// Takes one out for slow probes alone; false: it is the last one that is in.
  bool rule_out() noexcept;
  /// Gives back what rule_out() took.
  void rule_in() noexcept;
  /// Counts one that is out for certain (nothing is there, or it is another server): this needs no leave, but
  /// then others may be the last.
  void lost() noexcept;
  /// Gives back what lost() took.
  void found() noexcept;
  /// How many are out.
  std::size_t out() const noexcept;
  /// True if there is no more than one.
  bool alone() const noexcept { return (limits_.load(std::memory_order_relaxed) & 0xffffffff) < 2; }

 private:
  bool take(std::uint64_t one, bool calls) noexcept;

  std::atomic<std::uint64_t> out_{0};     // three counts of 21 bits: lost, ruled out, ejected
  std::atomic<std::uint64_t> limits_{1};  // how many calls' failures may take out << 32 | endpoints
};

}  // namespace weir
