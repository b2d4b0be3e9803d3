// How a server's tools stand, made anew whenever something was listed or approved, and what a person is told.
#include <algorithm>

#include "gateway/pins.h"

namespace weir {
namespace {

constexpr std::size_t kSaidMax = 10'000;  // definitions that are known to have been told of
constexpr std::size_t kLinesMax = 20;     // at a time

std::string mark_of(const ToolDefinition& definition) {
  return definition.tool + '\0' + hex(definition.digest, definition.digest.size());
}

std::string names_of(const std::vector<PinDifference>& members) {
  std::string out;
  for (const PinDifference& member : members) out += (out.empty() ? "" : ", ") + member.name;
  return out;
}

}  // namespace

std::size_t PinView::count(PinState state) const noexcept {
  return static_cast<std::size_t>(std::count_if(tools.begin(), tools.end(), [state](const auto& one) {
    return one.second.listed && one.second.state == state;
  }));
}

// Publishes how things stand, and adds what is new about that to `news`. True: clients are shown other tools.
bool Pins::renew(std::vector<PinNews>& news) {
  auto view = std::make_shared<PinView>();
  view->looked = looked_;
  view->fault = fault_;
  for (const auto& [tool, pins] : pinned_) view->tools[tool].listed = false;
  std::map<std::string_view, const Seen*> odd;  // of each tool the first that is not approved
  for (const auto& [endpoint, observed] : seen_)
    for (const auto& [tool, definitions] : observed.tools) {
      PinView::Row& row = view->tools[tool];
      row.listed = true;
      for (const Seen& one : definitions)
        if (one.state != PinState::approved && odd.try_emplace(tool, &one).second) {
          row.state = one.state;
          row.fault = one.definition.fault;
        }
    }
  // What is listed no more is told of again when it comes back: else junk would use up the memory of it.
  if (said_.size() >= kSaidMax) {
    std::set<std::string> still;
    for (const auto& [tool, seen] : odd)
      if (std::string mark = mark_of(seen->definition); said_.contains(mark)) still.insert(std::move(mark));
    said_ = std::move(still);
  }
  bool shown = false;
  std::size_t untold = 0;
  // A tool that has changed is not lost among new ones.
  for (const PinState kind : {PinState::changed, PinState::fresh})
    for (const auto& [tool, seen] : odd) {
      // While nothing was approved all tools are new: that is no news, and of a broken file it was said.
      if (seen->state != kind || !set_ || !fault_.empty()) continue;
      if (kind == PinState::fresh && said_.size() >= kSaidMax) break;
      const ToolDefinition& definition = seen->definition;
      if (!said_.insert(mark_of(definition)).second) continue;
      shown = true;
      hiding_.insert(definition.tool);
      if (news.size() >= kLinesMax && ++untold != 0) continue;
      PinNews one;
      one.kind = kind == PinState::changed ? PinNews::Kind::changed : PinNews::Kind::fresh;
      one.tool = definition.tool;
      const auto pin = pinned_.find(tool);
      one.text = !definition.fault.empty() ? definition.fault
                 : pin != pinned_.end()
                     ? names_of(differing_members(pin->second.front().canonical, definition.canonical))
                     : first_line(definition.canonical);
      news.push_back(std::move(one));
    }
  if (untold != 0) {
    news.emplace_back();
    news.back().kind = PinNews::Kind::more;
    news.back().count = untold;
  }
  for (auto at = hiding_.begin(); at != hiding_.end();) {
    if (odd.contains(*at)) {
      ++at;
      continue;
    }
    shown = true;
    if (news.size() <= kLinesMax && pinned_.contains(*at)) {
      news.emplace_back();
      news.back().kind = PinNews::Kind::restored;
      news.back().tool = *at;
    }
    at = hiding_.erase(at);
  }
  view_.publish(std::move(view));
  return shown;
}

// Without the lock.
void Pins::tell(std::vector<PinNews>& news, bool shown) const {
  for (PinNews& one : news) {
    one.server = server_;
    one.enforced = enforced();
    if (told_.news) told_.news(one);
  }
  if (shown && enforced() && told_.shown) told_.shown();
}

}  // namespace weir
