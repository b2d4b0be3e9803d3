// What approving would change of a server's pins, and the change itself: two steps, since it is written
// between them.
#include <algorithm>

#include "gateway/pins.h"

namespace weir {

PinProposal Pins::propose(const std::string& now) const {
  std::lock_guard lock(lock_);
  PinProposal out;
  out.version = version_;
  out.looked = looked_;
  out.next = pinned_;
  out.anything = !fault_.empty() && looked_;
  std::map<std::string_view, std::vector<const Seen*>> odd;
  for (const auto& [endpoint, observed] : seen_)
    for (const auto& [tool, definitions] : observed.tools)
      for (const Seen& one : definitions)
        if (one.state != PinState::approved) odd[tool].push_back(&one);
  std::string whole;
  for (const auto& [tool, definitions] : odd) {
    const auto known = pinned_.find(tool);
    // What some endpoint still lists stays approved, what none does is not any more.
    std::vector<PinnedDefinition> pins;
    if (known != pinned_.end())
      for (const PinnedDefinition& pin : known->second) {
        const auto listed = [&](const auto& one) {
          const auto at = one.second.tools.find(tool);
          return at != one.second.tools.end() &&
                 std::any_of(at->second.begin(), at->second.end(), [&](const Seen& seen) {
                   return seen.state == PinState::approved && seen.definition.digest == pin.digest;
                 });
        };
        if (std::any_of(seen_.begin(), seen_.end(), listed)) pins.push_back(pin);
      }
    bool added = false;
    for (const Seen* one : definitions) {
      const ToolDefinition& seen = one->definition;
      const bool twice = std::any_of(pins.begin(), pins.end(),
                                     [&](const PinnedDefinition& pin) { return pin.digest == seen.digest; });
      if (twice && seen.fault.empty()) continue;
      PinProposal::Change change;
      change.tool = tool;
      change.state = one->state;
      change.after = first_line(seen.canonical);
      change.fault = seen.fault;
      whole += change.tool + '\0' + hex(seen.digest, seen.digest.size());
      if (known == pinned_.end()) {
        change.definition = seen.canonical;
      } else {
        const std::string& before = known->second.front().canonical;
        change.before = first_line(before);
        change.differs = differing_members(before, seen.canonical);
      }
      if (seen.fault.empty()) {
        pins.push_back({seen.digest, seen.canonical, now});
        added = true;
      }
      out.changes.push_back(std::move(change));
    }
    if (!added) continue;
    out.next[std::string(tool)] = std::move(pins);
    out.anything = true;
  }
  // A server that chose both what is looked at and what follows must not find two that are alike.
  constexpr std::size_t kDigestBytes = 16;
  out.digest = hex(sha256(whole), kDigestBytes);
  return out;
}

bool Pins::take(PinProposal proposal) {
  std::vector<PinNews> news;
  bool shown = false;
  {
    std::lock_guard lock(lock_);
    if (proposal.version != version_) return false;
    pinned_ = std::move(proposal.next);
    set_ = true;
    fault_.clear();
    ++version_;
    for (auto& [endpoint, observed] : seen_)
      for (auto& [tool, definitions] : observed.tools)
        for (Seen& one : definitions) {
          if (one.state == PinState::approved) continue;
          const PinnedDefinition* pin = pin_of(one.definition, Revision::v2026_07_28, one.state);
          if (pin == nullptr) continue;
          one.definition.digest = pin->digest;
          one.definition.canonical.clear();
        }
    said_.clear();
    hiding_.clear();
    news.emplace_back();
    news.back().kind = PinNews::Kind::approved;
    news.back().count = static_cast<std::size_t>(
        std::count_if(proposal.changes.begin(), proposal.changes.end(),
                      [](const PinProposal::Change& one) { return one.fault.empty(); }));
    renew(news);
    shown = true;
  }
  tell(news, shown);
  return true;
}

}  // namespace weir
