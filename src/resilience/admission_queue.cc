#include "resilience/admission_queue.h"

#include <numeric>

namespace weir {
namespace {

// A client with so many more waiting than the newcomer's gives one up: else they would take turns at it.
constexpr std::uint32_t kFarMore = 2;

}  // namespace

void AdmissionQueue::add(Wait one) {
  one->turn = ++turns_;
  ++of_client_[one->wish.client][static_cast<std::size_t>(one->wish.priority)];
  ++size_;
  std::list<Wait>& lane = lanes_[key_of(one->wish)];
  AdmissionWait& added = *one;
  lane.push_back(std::move(one));
  added.place = std::prev(lane.end());
}

AdmissionQueue::Wait AdmissionQueue::remove(AdmissionWait& one) {
  const auto lane = lanes_.find(key_of(one.wish));
  Wait removed = std::move(*one.place);
  lane->second.erase(one.place);
  if (lane->second.empty()) lanes_.erase(lane);
  const auto counts = of_client_.find(one.wish.client);
  --counts->second[static_cast<std::size_t>(one.wish.priority)];
  if (std::accumulate(counts->second.begin(), counts->second.end(), 0U) == 0) of_client_.erase(counts);
  --size_;
  return removed;
}

// Of those that fit the one of the lowest priority, and of these the newest.
template <class Fits>
AdmissionWait* AdmissionQueue::newest(Fits&& fits) const {
  AdmissionWait* found = nullptr;
  for (auto lane = lanes_.rbegin(); lane != lanes_.rend(); ++lane) {
    AdmissionWait& last = *lane->second.back();
    if (found != nullptr && last.wish.priority > found->wish.priority) break;
    if (fits(last.wish) && (found == nullptr || last.turn > found->turn)) found = &last;
  }
  return found;
}

AdmissionWait* AdmissionQueue::yields_to(const AdmissionWish& newcomer, bool own) const {
  AdmissionWait* const less_urgent = newest([&](const AdmissionWish& wish) {
    return wish.priority < newcomer.priority && (!own || wish.client == newcomer.client);
  });
  if (less_urgent != nullptr || own) return less_urgent;
  // Of whoever is more urgent than the newcomer nobody yields.
  const auto yielding = static_cast<std::size_t>(newcomer.priority) + 1;
  std::uint32_t most = 0;
  std::uint32_t client = 0;
  for (const auto& [one, counts] : of_client_) {
    const std::uint32_t count = std::accumulate(counts.begin(), counts.begin() + yielding, 0U);
    if (count > most) most = count, client = one;
  }
  const auto mine = of_client_.find(newcomer.client);
  const std::uint32_t have =
      mine == of_client_.end() ? 0 : std::accumulate(mine->second.begin(), mine->second.end(), 0U);
  if (most < have + kFarMore) return nullptr;
  return newest(
      [&](const AdmissionWish& wish) { return wish.client == client && wish.priority <= newcomer.priority; });
}

}  // namespace weir
