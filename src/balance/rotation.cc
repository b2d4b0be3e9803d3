#include "balance/rotation.h"

#include <algorithm>
#include <numeric>

namespace weir {
namespace {

constexpr std::uint64_t kLongest = 4096;

/// Weights whose sum is a schedule's length: as they are where that is short enough.
std::vector<std::int64_t> entries(const std::vector<Member>& members) {
  std::uint64_t total = 0;
  for (const Member& member : members) total += member.weight;
  std::vector<std::int64_t> counts;
  if (total <= kLongest) {
    for (const Member& member : members) counts.push_back(member.weight);
    return counts;
  }
  // What rounding down leaves goes to those that lost most by it.
  std::vector<std::pair<std::uint64_t, std::size_t>> lost;
  std::uint64_t given = 0;
  for (std::size_t i = 0; i < members.size(); ++i) {
    const std::uint64_t exact = members[i].weight * kLongest;
    counts.push_back(std::max<std::int64_t>(1, static_cast<std::int64_t>(exact / total)));
    given += static_cast<std::uint64_t>(counts.back());
    if (exact >= total) lost.emplace_back(exact % total, i);
  }
  std::sort(lost.rbegin(), lost.rend());
  for (std::size_t i = 0; i < lost.size() && given < kLongest; ++i, ++given) ++counts[lost[i].second];
  return counts;
}

std::vector<std::uint32_t> plain_schedule(const std::vector<Member>& members) {
  std::vector<std::uint32_t> schedule(members.size());
  std::iota(schedule.begin(), schedule.end(), 0u);
  return schedule;
}

}  // namespace

std::vector<std::uint32_t> smooth_schedule(const std::vector<Member>& members) {
  const std::vector<std::int64_t> weights = entries(members);
  const std::int64_t total = std::accumulate(weights.begin(), weights.end(), std::int64_t{0});
  std::vector<std::int64_t> credit(members.size());
  std::vector<std::uint32_t> schedule;
  schedule.reserve(static_cast<std::size_t>(total));
  for (std::int64_t step = 0; step < total; ++step) {
    std::size_t best = 0;
    for (std::size_t i = 0; i < credit.size(); ++i) {
      credit[i] += weights[i];
      if (credit[i] > credit[best]) best = i;
    }
    credit[best] -= total;
    schedule.push_back(static_cast<std::uint32_t>(best));
  }
  return schedule;
}

Rotation::Rotation(Field field, bool weighted, const Rotation* before)
    : field_(std::move(field)),
      weighted_(weighted),
      schedule_(weighted ? smooth_schedule(field_.members()) : plain_schedule(field_.members())) {
  if (before != nullptr && before->weighted_ == weighted_) next_ = place_after(*before);
}

std::size_t Rotation::pick(const PickQuery& query, Random& random) noexcept {
  const std::vector<Member>& members = field_.members();
  if (members.size() == 1) return members.front().place;
  for (int draws = 1;; ++draws) {
    const std::uint64_t step = next_.fetch_add(1, std::memory_order_relaxed);
    const Member& member = members[schedule_[step % schedule_.size()]];
    if (draws == kSlowStartDraws || field_.admits(*member.facts, query.now, random)) return member.place;
  }
}

std::uint64_t Rotation::place_after(const Rotation& before) const {
  const std::uint64_t next = before.next_.load(std::memory_order_relaxed);
  const std::size_t length = before.schedule_.size();
  // Of weights: as far through the new schedule as it was through the old one.
  if (weighted_) return next % length * schedule_.size() / length;
  // Else whoever follows the one that was last, in the order that holds now.
  const std::uint32_t last = before.field_.members()[(next + length - 1) % length].place;
  const std::vector<Candidate>& candidates = field_.candidates();
  const auto found = std::find_if(candidates.begin(), candidates.end(), [&](const Candidate& candidate) {
    return candidate.address == before.field_.candidates()[last].address;
  });
  if (found == candidates.end()) return next % length;
  const auto place = static_cast<std::uint32_t>(found - candidates.begin());
  const std::vector<Member>& members = field_.members();
  const auto after = std::find_if(members.begin(), members.end(),
                                  [place](const Member& member) { return member.place > place; });
  return static_cast<std::uint64_t>(after - members.begin()) % members.size();
}

std::size_t RandomChoice::pick(const PickQuery& query, Random& random) noexcept {
  const std::vector<Member>& members = field_.members();
  if (members.size() == 1) return members.front().place;
  for (int draws = 1;; ++draws) {
    const Member& member = members[table_.draw(random.next())];
    if (draws == kSlowStartDraws || field_.admits(*member.facts, query.now, random)) return member.place;
  }
}

}  // namespace weir
