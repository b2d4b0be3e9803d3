#include "transport/aside_queue.h"

#include <algorithm>
#include <iterator>
#include <utility>

namespace weir {
namespace {

constexpr std::size_t index_of(AsideQueue::Lane lane) noexcept { return static_cast<std::size_t>(lane); }
constexpr std::size_t kAnswers = index_of(AsideQueue::Lane::answers);
constexpr std::size_t kNotes = index_of(AsideQueue::Lane::notes);

std::size_t size_of(const AsideQueue::Aside& one) noexcept { return one.head.size() + one.message.size(); }

}  // namespace

bool AsideQueue::full(Session session, Lane lane) const {
  const auto found = sessions_.find(session);
  if (found == sessions_.end()) return false;
  const std::size_t i = index_of(lane);
  return found->second.waiting[i].size() >= kSessionMax[i] || found->second.bytes[i] >= kSessionBytesMax[i];
}

bool AsideQueue::put(Aside one) {
  const std::size_t lane = index_of(one.lane);
  if (const auto found = sessions_.find(one.session); lane == kNotes && found != sessions_.end()) {
    const std::deque<Aside>& notes = found->second.waiting[kNotes];
    const auto same = [&](const Aside& other) {
      return other.message == one.message && other.head == one.head;
    };
    if (std::any_of(notes.begin(), notes.end(), same)) return true;
  }
  if (full(one.session, one.lane)) return false;
  while (full())
    if (!drop_of_most(one.session)) return false;
  Lanes& lanes = sessions_[one.session];
  lanes.bytes[lane] += size_of(one);
  bytes_ += size_of(one);
  ++count_;
  lanes.waiting[lane].push_back(std::move(one));
  return true;
}

// False: that is the session itself.
bool AsideQueue::drop_of_most(Session asking) {
  const bool by_bytes = bytes_ >= kBytesMax;
  const auto measure = [&](const Lanes& lanes) {
    return by_bytes ? lanes.bytes[kAnswers] + lanes.bytes[kNotes] : lanes.count();
  };
  const auto most = std::max_element(
      sessions_.begin(), sessions_.end(),
      [&](const auto& one, const auto& other) { return measure(one.second) < measure(other.second); });
  if (most->first == asking) return false;
  Lanes& lanes = most->second;
  (void)take_out(lanes, lanes.waiting[kNotes].empty() ? Lane::answers : Lane::notes, false);
  if (lanes.idle()) sessions_.erase(most);
  return true;
}

// The first or the last one of those that wait.
AsideQueue::Aside AsideQueue::take_out(Lanes& lanes, Lane lane, bool first) {
  std::deque<Aside>& waiting = lanes.waiting[index_of(lane)];
  Aside one = std::move(first ? waiting.front() : waiting.back());
  first ? waiting.pop_front() : waiting.pop_back();
  lanes.bytes[index_of(lane)] -= size_of(one);
  bytes_ -= size_of(one);
  --count_;
  return one;
}

bool AsideQueue::may_send(const Lanes& lanes, Lane lane) const noexcept {
  if (lanes.waiting[index_of(lane)].empty()) return false;
  if (lanes.under_way[kAnswers] + lanes.under_way[kNotes] >= kSessionUnderWayMax) return false;
  return lane == Lane::answers ||
         (lanes.under_way[kNotes] < kSessionNotesUnderWayMax && under_way_[kNotes] < kNotesUnderWayMax);
}

std::optional<AsideQueue::Aside> AsideQueue::take() {
  if (under_way_[kAnswers] + under_way_[kNotes] >= kUnderWayMax) return std::nullopt;
  auto next = sessions_.upper_bound(last_);
  for (std::size_t looked_at = 0; looked_at < sessions_.size(); ++looked_at, ++next) {
    if (next == sessions_.end()) next = sessions_.begin();
    Lanes& lanes = next->second;
    const Lane lane = may_send(lanes, Lane::answers) ? Lane::answers : Lane::notes;
    if (!may_send(lanes, lane)) continue;
    Aside one = take_out(lanes, lane, true);
    ++lanes.under_way[index_of(lane)];
    ++under_way_[index_of(lane)];
    last_ = next->first;
    return one;
  }
  return std::nullopt;
}

void AsideQueue::done(Session session, Lane lane) {
  const auto found = sessions_.find(session);
  --found->second.under_way[index_of(lane)];
  --under_way_[index_of(lane)];
  if (found->second.idle()) sessions_.erase(found);
}

}  // namespace weir
