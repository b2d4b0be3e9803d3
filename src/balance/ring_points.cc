#include "balance/ring_points.h"

#include <algorithm>
#include <bit>
#include <cmath>

#include "balance/mix.h"

namespace weir {
namespace {

constexpr double kMostPoints = 1e6;
constexpr double kPointsOfNode = 2;

struct Point {
  std::uint64_t hash;
  std::uint32_t owner;
  bool operator<(const Point& other) const noexcept {
    return hash != other.hash ? hash < other.hash : owner < other.owner;
  }
};

}  // namespace

RingPoints::RingPoints(const std::vector<Candidate>& candidates, std::size_t virtual_nodes)
    : virtual_nodes_(virtual_nodes) {
  for (const Candidate& candidate : candidates) sources_.push_back({candidate.address, candidate.weight});
  const std::vector<std::size_t> each = counts();
  std::size_t total = 0;
  for (const std::size_t count : each) total += count;

  // Hashes are even over the ring: shared out by their leading bits they are all but in order, and a look-up
  // begins next to where it ends.
  const int bits = std::max<int>(std::bit_width(total), 1);
  shift_ = 64 - bits;
  buckets_.assign((std::size_t{1} << bits) + 1, 0);
  std::vector<Point> made;
  made.reserve(total);
  for (std::uint32_t owner = 0; owner < each.size(); ++owner) {
    const std::uint64_t begin = hash_bytes(sources_[owner].address);
    for (std::uint64_t number = 0; number < each[owner]; ++number) {
      made.push_back({mix_bits(begin + number * 0x9e3779b97f4a7c15), owner});
      ++buckets_[(made.back().hash >> shift_) + 1];
    }
  }
  for (std::size_t i = 1; i < buckets_.size(); ++i) buckets_[i] += buckets_[i - 1];
  std::vector<Point> sorted(total);
  std::vector<std::uint32_t> next(buckets_);
  for (const Point& point : made) sorted[next[point.hash >> shift_]++] = point;
  for (std::size_t i = 0; i + 1 < buckets_.size(); ++i)
    if (buckets_[i + 1] - buckets_[i] > 1)
      std::sort(sorted.begin() + buckets_[i], sorted.begin() + buckets_[i + 1]);
  hashes_.reserve(total);
  owners_.reserve(total);
  for (const Point& point : sorted) {
    hashes_.push_back(point.hash);
    owners_.push_back(point.owner);
  }
}

// An endpoint's points follow from its own weight, or those of the others would move with each change. Only
// where there would be too many are all halved, and halved again.
std::vector<std::size_t> RingPoints::counts() const {
  const double node = kPointsOfNode * static_cast<double>(std::max<std::size_t>(virtual_nodes_, 1));
  double total = 0;
  for (const Source& source : sources_) total += node * std::max(source.weight, 1u);
  double scale = 1;
  while (total * scale > kMostPoints) scale /= 2;
  std::vector<std::size_t> counts;
  for (const Source& source : sources_)
    counts.push_back(
        static_cast<std::size_t>(std::max(1.0, std::round(scale * node * std::max(source.weight, 1u)))));
  return counts;
}

bool RingPoints::made_from(const std::vector<Candidate>& candidates, std::size_t virtual_nodes) const {
  return virtual_nodes == virtual_nodes_ &&
         std::equal(candidates.begin(), candidates.end(), sources_.begin(), sources_.end(),
                    [](const Candidate& candidate, const Source& source) {
                      return candidate.weight == source.weight && candidate.address == source.address;
                    });
}

}  // namespace weir
