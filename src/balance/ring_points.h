// The points of a consistent hash's ring: where each endpoint's address falls on it, again and again, and
// whose the first point after any place is. Made from addresses and weights alone, so that every gateway and
// every run has the same ring whatever the order of the endpoints; those that get no calls now have their
// points too. Immutable; pickers share it. Source: Karger et al., "Consistent hashing and random trees".
#pragma once

#include <cstddef>
#include <cstdint>
#include <memory>
#include <vector>

#include "balance/picker.h"

namespace weir {

class RingPoints {
 public:
  /// `virtual_nodes` for each unit of weight, of two points each: 160 of one point would leave one set of ten
  /// endpoints in a hundred more uneven than a quarter above the mean. Half as many, or a quarter, and so on,
  /// where there would be more than a million points, but at least one each.
  RingPoints(const std::vector<Candidate>& candidates, std::size_t virtual_nodes);

  /// True if it would be the same ring, made from these.
  bool made_from(const std::vector<Candidate>& candidates, std::size_t virtual_nodes) const;
  /// The index of the first point at or after `where`; the ring is closed.
  std::size_t find(std::uint64_t where) const noexcept {
    std::size_t i = buckets_[where >> shift_];
    while (i < hashes_.size() && hashes_[i] < where) ++i;
    return i < hashes_.size() ? i : 0;
  }
  /// The candidates that points belong to, in the ring's order.
  const std::vector<std::uint32_t>& owners() const noexcept { return owners_; }

 private:
  struct Source {
    std::string address;
    std::uint32_t weight;
  };
  std::vector<std::size_t> counts() const;

  std::vector<Source> sources_;
  std::size_t virtual_nodes_;
  std::vector<std::uint64_t> hashes_;   // in order
  std::vector<std::uint32_t> owners_;   // beside them
  std::vector<std::uint32_t> buckets_;  // by a hash's leading bits: the first point at or after them
  int shift_ = 63;
};

}  // namespace weir
