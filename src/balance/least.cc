#include "balance/least.h"

#include <array>

namespace weir {
namespace {

constexpr std::size_t kComparedAtMost = 8;

/// Below 0 where `a` has fewer calls under way than `b` for its weight, 0 where they are equal. Exact.
int compare(const Member& a, std::uint64_t a_in_flight, const Member& b, std::uint64_t b_in_flight) noexcept {
  const std::uint64_t left = a_in_flight * b.weight, right = b_in_flight * a.weight;
  return left < right ? -1 : left > right;
}

std::uint64_t in_flight(const Member& member) noexcept {
  return member.facts->in_flight.load(std::memory_order_relaxed);
}

}  // namespace

std::size_t LeastConnections::pick(const PickQuery& query, Random& random) noexcept {
  const std::size_t size = field_.members().size();
  if (size == 1) return field_.members().front().place;
  return size <= kComparedAtMost ? pick_of_all(query, random) : pick_of_two(query, random);
}

std::size_t LeastConnections::pick_of_all(const PickQuery& query, Random& random) const noexcept {
  std::array<const Member*, kComparedAtMost> best;
  std::size_t count = 0;
  std::uint64_t least = 0, weights = 0;
  const auto compare_all = [&](bool slow_start) {
    for (const Member& member : field_.members()) {
      if (slow_start && !field_.admits(*member.facts, query.now, random)) continue;
      const std::uint64_t calls = in_flight(member);
      const int order = count == 0 ? -1 : compare(member, calls, *best[0], least);
      if (order > 0) continue;
      if (order < 0) {
        count = 0;
        weights = 0;
        least = calls;
      }
      best[count++] = &member;
      weights += member.weight;
    }
  };
  compare_all(true);
  if (count == 0) compare_all(false);
  if (count == 1) return best[0]->place;
  std::uint64_t drawn = random.below(weights);
  std::size_t i = 0;
  while (drawn >= best[i]->weight) drawn -= best[i++]->weight;
  return best[i]->place;
}

std::size_t LeastConnections::pick_of_two(const PickQuery& query, Random& random) const noexcept {
  const Member& first = draw(query, random);
  const Member* second = &draw(query, random);
  for (int draws = 1; second == &first && draws < 4; ++draws) second = &draw(query, random);
  return compare(*second, in_flight(*second), first, in_flight(first)) < 0 ? second->place : first.place;
}

const Member& LeastConnections::draw(const PickQuery& query, Random& random) const noexcept {
  for (int draws = 1;; ++draws) {
    const Member& member = field_.members()[table_.draw(random.next())];
    if (draws == kSlowStartDraws || field_.admits(*member.facts, query.now, random)) return member;
  }
}

}  // namespace weir
