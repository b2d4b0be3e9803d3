#include "gateway/pins.h"

#include <algorithm>
#include <utility>

#include "obs/log.h"

namespace weir {
Pins::Pins(std::string server, Told told)
    : server_(std::move(server)), told_(std::move(told)), view_(std::make_shared<const PinView>()) {}

void Pins::restore(PinnedTools tools) {
  std::lock_guard lock(lock_);
  pinned_ = std::move(tools);
  set_ = true;
  ++version_;
  fault_.clear();
  // What was judged by other pins is to be looked at again.
  seen_.clear();
  looked_ = false;
  std::vector<PinNews> none;
  renew(none);
}

void Pins::set_broken(std::string fault) {
  std::lock_guard lock(lock_);
  fault_ = std::move(fault);
  std::vector<PinNews> none;
  renew(none);
}

// Under the lock, as all that has no comment of its own here.
const PinnedDefinition* Pins::pin_of(const ToolDefinition& seen, Revision revision, PinState& state) const {
  const auto known = pinned_.find(seen.tool);
  state = known == pinned_.end() ? PinState::fresh : PinState::changed;
  if (known == pinned_.end()) return nullptr;
  const PinnedDefinition* pin = matching_pin(known->second, seen, revision);
  if (pin != nullptr) state = PinState::approved;
  return pin;
}

void Pins::adopt(const std::vector<ToolDefinition>& list, const std::string& at) {
  for (const ToolDefinition& one : list) {
    if (!one.fault.empty()) continue;
    std::vector<PinnedDefinition>& pins = pinned_[one.tool];
    if (matching_pin(pins, one, Revision::v2026_07_28) != nullptr) continue;
    pins.push_back({one.digest, one.canonical, at});
  }
  set_ = true;
  ++version_;
}

void Pins::observe(const std::vector<ToolDefinition>& list, const std::vector<PinState>& states,
                   const PinLook& look) {
  Observed& at = seen_[look.endpoint];
  if (look.whole) at = Observed();
  if (look.whole) at.peer = look.peer;
  std::set<std::string_view> begun;
  for (std::size_t i = 0; i < list.size(); ++i) {
    // Of a part only what is known by name: a list without an end fills no memory.
    const auto known = at.tools.find(list[i].tool);
    if (!look.whole && known == at.tools.end()) continue;
    std::vector<Seen>& of = look.whole ? at.tools[list[i].tool] : known->second;
    if (begun.insert(list[i].tool).second) of.clear();
    Seen seen;
    seen.state = states[i];
    if (seen.state != PinState::approved) {
      seen.definition = list[i];
    } else if (const PinnedDefinition* pin = pin_of(list[i], look.revision, seen.state)) {
      // Which pin it is: one of an old revision has another hash of its own.
      seen.definition.tool = list[i].tool;
      seen.definition.digest = pin->digest;
    }
    of.push_back(std::move(seen));
  }
}

std::vector<PinState> Pins::note(const std::vector<ToolDefinition>& list, const PinLook& look,
                                 std::span<const std::uint32_t> there) {
  std::vector<PinState> states(list.size());
  std::vector<PinNews> news;
  bool adopted = false;
  bool shown = false;
  {
    std::lock_guard lock(lock_);
    adopted = !set_ && fault_.empty() && look.whole && look.own && !list.empty();
    if (adopted) adopt(list, utc_text(look.now));
    for (std::size_t i = 0; i < list.size(); ++i) pin_of(list[i], look.revision, states[i]);
    observe(list, states, look);
    std::erase_if(seen_, [&](const auto& one) {
      return one.first != look.endpoint && std::find(there.begin(), there.end(), one.first) == there.end();
    });
    looked_ = looked_ || look.whole;
    if (adopted) {
      news.emplace_back();
      news.back().kind = PinNews::Kind::adopted;
      news.back().count = pinned_.size();
    }
    shown = renew(news);
    // Shown is what may be called: one endpoint's good word does not outweigh another one's.
    const auto now = view_.load();
    for (std::size_t i = 0; i < list.size(); ++i) {
      const auto row = now->tools.find(list[i].tool);
      if (states[i] == PinState::approved && row != now->tools.end()) states[i] = row->second.state;
    }
  }
  if (adopted && told_.to_save) told_.to_save();
  tell(news, shown);
  return states;
}

PinState Pins::judge(const ToolDefinition& seen) const {
  std::lock_guard lock(lock_);
  PinState state{};
  // In which revision it was listed is not known any more.
  pin_of(seen, Revision::v2024_11_05, state);
  const auto now = view_.load();
  const auto row = now->tools.find(seen.tool);
  return state == PinState::approved && row != now->tools.end() ? row->second.state : state;
}

bool Pins::unset() const {
  std::lock_guard lock(lock_);
  return !set_ && fault_.empty();
}

void Pins::set_stale() {
  std::lock_guard lock(lock_);
  if (!std::exchange(looked_, false)) return;
  std::vector<PinNews> none;
  renew(none);
}

bool Pins::has_seen(std::uint32_t endpoint, const Peer* peer) const {
  std::lock_guard lock(lock_);
  const auto at = seen_.find(endpoint);
  return at != seen_.end() && at->second.peer.get() == peer;
}

// Takes the view's own lock for a moment.
bool Pins::allows(std::string_view tool) const {
  const auto now = view_.load();
  if (!now->looked) return false;
  const auto row = now->tools.find(tool);
  return row != now->tools.end() && row->second.state == PinState::approved;
}

PinnedTools Pins::approved(std::uint64_t& version) const {
  std::lock_guard lock(lock_);
  version = version_;
  return pinned_;
}

std::uint64_t Pins::version() const {
  std::lock_guard lock(lock_);
  return version_;
}

}  // namespace weir
