#include "balance/adaptive.h"

#include <algorithm>
#include <array>
#include <cmath>
#include <limits>

#include "balance/calls.h"
#include "balance/near_math.h"

namespace weir {
namespace {

// A failed call is worth one that took sixteen times as long as usual.
constexpr float kFailedSlowness = 4;
// Of an endpoint's slowness at least this part comes from its last sample.
constexpr float kLeastStep = 0.25F;
constexpr float kMostSlowness = 16;
// How many times as long as usual an answer may take before silence counts.
constexpr float kPatience = 4;
// Hiccups of the machine are shorter: they say nothing about an endpoint.
constexpr float kLeastUsual = 2.5e6F;
constexpr std::int64_t kUnheard = 500'000'000;
// One pick of 64 may go to an endpoint that was not heard of.
constexpr std::uint64_t kLookMask = 63;

/// How fast an endpoint can be at best, by its silence: 1 is as usual. Only where it owes an answer.
float pace_of_silence(const EndpointFacts& facts, TimePoint now) noexcept {
  const std::int64_t due = facts.due_at.load(std::memory_order_relaxed);
  const std::int64_t at = facts_time(now);
  if (due == 0 || at < due) return std::numeric_limits<float>::max();
  const std::int64_t since = facts.owes_since.load(std::memory_order_relaxed);
  if (since >= due) return std::numeric_limits<float>::max();
  return static_cast<float>(due - since) / (kPatience * static_cast<float>(at - since));
}

}  // namespace

Adaptive::Adaptive(Field field, Duration window)
    : field_(std::move(field)),
      table_(field_.members()),
      time_constant_(std::max(1.0F, static_cast<float>(std::chrono::nanoseconds(window).count()) / 4)) {
  float total = 0;
  for (const Member& member : field_.members()) {
    total += static_cast<float>(member.weight);
    weighted_ = weighted_ || member.weight != field_.members().front().weight;
  }
  unit_weight_ = total / static_cast<float>(field_.members().size());
}

[[gnu::always_inline]] inline const Member& Adaptive::choose(TimePoint now, Random& random) const noexcept {
  const std::vector<Member>& members = field_.members();
  const std::uint64_t bits = random.next();
  if ((bits & kLookMask) == 0) {
    if (const Member* member = longest_unheard(now)) return *member;
  }
  std::array<const Member*, kCompared> drawn;
  std::array<std::uint32_t, kCompared> in_flight;
  std::array<float, kCompared> worth{};
  std::size_t count = 0;
  std::uint32_t all = 0;
  std::int64_t returned = 0;
  const auto compare = [&](const Member& member) {
    const EndpointFacts& facts = *member.facts;
    drawn[count] = &member;
    all += in_flight[count] = facts.in_flight.load(std::memory_order_relaxed);
    returned |= facts.returned_at.load(std::memory_order_relaxed);
    worth[count++] = -facts.slowness.load(std::memory_order_relaxed);
  };
  // Few are all compared, and their weights count; of many, weights decide who is drawn.
  const bool few = members.size() <= kCompared;
  if (few)
    for (const Member& member : members) compare(member);
  else
    while (count < kCompared) compare(members[table_.draw(random.next())]);
  // Of as many as there may be: one vector holds them.
  for (float& pace : worth) pace = near_exp2(pace);
  for (std::size_t i = 0; all != 0 && i < count; ++i)
    if (in_flight[i] != 0) worth[i] = std::min(worth[i], pace_of_silence(*drawn[i]->facts, now));
  for (float& pace : worth) pace *= pace;
  for (std::size_t i = 0; returned != 0 && i < count; ++i)
    worth[i] *= static_cast<float>(field_.share(*drawn[i]->facts, now));
  for (std::size_t i = 0; few && weighted_ && i < count; ++i)
    worth[i] *= static_cast<float>(drawn[i]->weight);
  float sum = 0;
  if (all != 0)
    sum = weigh_down(drawn, in_flight, count, worth);
  else
    for (std::size_t i = 0; i < count; ++i) sum += worth[i];
  float aim = static_cast<float>(bits >> 40) * 0x1p-24F * sum;
  std::size_t i = 0;
  while (i + 1 < count && aim >= worth[i]) aim -= worth[i++];
  return *drawn[i];
}

// What is under way counts against what the others have. Were it counted by itself, long calls that all have
// many of would make one that fails at once look ten times as good.
float Adaptive::weigh_down(const std::array<const Member*, kCompared>& drawn,
                           const std::array<std::uint32_t, kCompared>& in_flight, std::size_t count,
                           std::array<float, kCompared>& worth) const noexcept {
  std::array<float, kCompared> busy;
  float all_busy = 0;
  for (std::size_t i = 0; i < count; ++i) {
    busy[i] = static_cast<float>(in_flight[i]) * unit_weight_ / static_cast<float>(drawn[i]->weight);
    all_busy += busy[i];
  }
  const float usual = 1 + all_busy / static_cast<float>(count);
  float sum = 0;
  for (std::size_t i = 0; i < count; ++i) {
    const float load = 1 + busy[i] / usual;
    worth[i] /= load * load;
    sum += worth[i];
  }
  return sum;
}

const Member* Adaptive::longest_unheard(TimePoint now) const noexcept {
  const Member* found = nullptr;
  std::int64_t oldest = facts_time(now) - kUnheard;
  for (const Member& member : field_.members()) {
    const std::int64_t heard = member.facts->sampled_at.load(std::memory_order_relaxed);
    if (heard > oldest || member.facts->in_flight.load(std::memory_order_relaxed) > 0) continue;
    oldest = heard;
    found = &member;
  }
  return found;
}

inline void Adaptive::owe(EndpointFacts& facts, std::uint64_t kind, TimePoint now) const noexcept {
  const Baseline known = baselines().find(kind);
  const bool idle = facts.in_flight.load(std::memory_order_relaxed) == 0;
  if (known.calls == 0) {
    if (idle) facts.due_at.store(0, std::memory_order_relaxed);
    return;
  }
  const std::int64_t since = facts_time(now);
  const float patience = kPatience * std::max(near_exp2(known.usual), kLeastUsual);
  const std::int64_t due = since + static_cast<std::int64_t>(patience);
  const std::int64_t present = facts.due_at.load(std::memory_order_relaxed);
  if (!idle && present != 0 && present <= due) return;
  facts.owes_since.store(since, std::memory_order_relaxed);
  facts.due_at.store(due, std::memory_order_relaxed);
}

std::size_t Adaptive::pick(const PickQuery& query, Random& random) noexcept {
  if (field_.members().size() == 1) return field_.members().front().place;
  const Member& member = choose(query.now, random);
  owe(*member.facts, query.kind, query.now);
  return member.place;
}

void Adaptive::note(std::size_t place, std::uint64_t kind, Duration took, bool failed,
                    TimePoint now) noexcept {
  const std::vector<Candidate>& candidates = field_.candidates();
  if (candidates.size() == 1) return;  // there is nothing to choose, ever
  EndpointFacts& facts = *candidates[place].facts;
  const float length = near_log2(nanoseconds_of(took));
  answered(facts, now);  // a failure too is no silence: it counts for what it is
  sample(facts, length, failed ? baselines().find(kind) : baselines().learn(kind, length), failed, now);
}

void Adaptive::outrun(std::size_t place, std::uint64_t kind, Duration took, TimePoint now) noexcept {
  const std::vector<Candidate>& candidates = field_.candidates();
  if (candidates.size() == 1 || !is_late(kind, took)) return;
  const float length = near_log2(nanoseconds_of(took));
  sample(*candidates[place].facts, length, baselines().find(kind), true, now);
}

// Moves how slow it is towards a call's `length`, the logarithm of its time.
inline void Adaptive::sample(EndpointFacts& facts, float length, const Baseline& known, bool failed,
                             TimePoint now) const noexcept {
  const std::int64_t at = facts_time(now);
  const std::int64_t passed = at - facts.sampled_at.exchange(at, std::memory_order_relaxed);
  // The first calls of a kind say little: what is usual comes from them.
  const auto calls = static_cast<float>(known.calls);
  const float trust = failed ? 1 : calls / (calls + 3);
  if (trust == 0) return;
  const float age = std::max(0.0F, static_cast<float>(passed)) / time_constant_;
  // Samples that come soon after another move it by the least step.
  const float step = trust * (age < kLeastStep ? kLeastStep : std::max(kLeastStep, 1 - std::exp(-age)));
  const float excess = known.calls == 0 ? 0 : length - known.usual;
  float slowness = facts.slowness.load(std::memory_order_relaxed);
  float moved;
  do {
    const float aim = failed ? std::max({excess, kFailedSlowness, slowness}) : excess;
    moved = slowness + step * (std::clamp(aim, -kMostSlowness, kMostSlowness) - slowness);
  } while (!facts.slowness.compare_exchange_weak(slowness, moved, std::memory_order_relaxed));
}

}  // namespace weir
