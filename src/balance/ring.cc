#include "balance/ring.h"

#include <algorithm>
#include <cmath>

#include "balance/mix.h"

namespace weir {
namespace {

double weight_of(const Candidate& candidate) noexcept { return std::max(candidate.weight, 1u); }

std::uint64_t in_flight_of(const Candidate& candidate) noexcept {
  return candidate.facts->in_flight.load(std::memory_order_relaxed);
}

}  // namespace

Ring::Ring(Field field, std::size_t virtual_nodes, double bounded_load, const Ring* before)
    : field_(std::move(field)),
      points_(before != nullptr && before->points_->made_from(field_.candidates(), virtual_nodes)
                  ? before->points_
                  : std::make_shared<const RingPoints>(field_.candidates(), virtual_nodes)),
      bounded_load_(bounded_load) {
  const std::vector<Candidate>& candidates = field_.candidates();
  for (const Candidate& candidate : candidates)
    if (candidate.eligible) weights_ += weight_of(candidate);
  if (field_.members().size() == candidates.size()) return;
  const std::vector<std::uint32_t>& owners = points_->owners();
  takers_.resize(owners.size());
  std::uint32_t taker = field_.members().front().place;
  // Twice around: what is after the last eligible point belongs to the first one.
  for (std::size_t i = 2 * owners.size(); i-- > 0;) {
    const std::size_t at = i % owners.size();
    if (candidates[owners[at]].eligible) taker = owners[at];
    takers_[at] = taker;
  }
}

std::size_t Ring::pick(const PickQuery& query, Random&) noexcept {
  if (field_.members().size() == 1) return field_.members().front().place;
  const std::size_t point = points_->find(mix_bits(query.key));
  const std::size_t first = (takers_.empty() ? points_->owners() : takers_)[point];
  if (bounded_load_ <= 0) return first;
  const Candidate& candidate = field_.candidates()[first];
  return has_room(candidate, in_flight_of(candidate)) ? first : next_with_room(point);
}

bool Ring::has_room(const Candidate& candidate, std::uint64_t in_flight) const noexcept {
  // An idle one has room for a call whatever the others do. Else they are counted no further than it takes:
  // the more calls there are, the more each may have.
  if (in_flight == 0) return true;
  std::uint64_t total = 0;
  const double needed =
      static_cast<double>(in_flight) * weights_ / (bounded_load_ * weight_of(candidate)) - 1;
  for (const Member& member : field_.members()) {
    total += member.facts->in_flight.load(std::memory_order_relaxed);
    if (static_cast<double>(total) > needed && in_flight < most_in_flight(candidate, total)) return true;
  }
  return false;
}

std::uint64_t Ring::most_in_flight(const Candidate& candidate, std::uint64_t total) const noexcept {
  return static_cast<std::uint64_t>(
      std::ceil(bounded_load_ * static_cast<double>(total + 1) * weight_of(candidate) / weights_));
}

std::size_t Ring::next_with_room(std::size_t point) const noexcept {
  std::uint64_t total = 0;
  for (const Member& member : field_.members())
    total += member.facts->in_flight.load(std::memory_order_relaxed);
  const std::vector<std::uint32_t>& owners = takers_.empty() ? points_->owners() : takers_;
  std::size_t last = owners[point];
  for (std::size_t step = 1; step < owners.size(); ++step) {
    const std::size_t owner = owners[(point + step) % owners.size()];
    if (owner == last) continue;
    last = owner;
    const Candidate& candidate = field_.candidates()[owner];
    if (in_flight_of(candidate) < most_in_flight(candidate, total)) return owner;
  }
  return owners[point];  // a bound below 1 leaves no room at all
}

}  // namespace weir
