#include "obs/recent.h"

#include <utility>

namespace weir {

void RecentEvents::add(RecentEvent event) {
  if (event.text.size() > kTextMax) {
    std::size_t end = kTextMax;
    while (end > 0 && (static_cast<unsigned char>(event.text[end]) & 0xc0) == 0x80) --end;
    event.text.resize(end);
  }
  std::lock_guard lock(lock_);
  event.number = ++last_;
  kept_.push_back(std::move(event));
  if (kept_.size() > kKept) kept_.pop_front();
  if (told_) told_();
}

std::vector<RecentEvent> RecentEvents::after(std::uint64_t number) const {
  std::lock_guard lock(lock_);
  std::vector<RecentEvent> out;
  for (const RecentEvent& one : kept_)
    if (one.number > number) out.push_back(one);
  return out;
}

void RecentEvents::listen(std::function<void()> told) {
  std::lock_guard lock(lock_);
  told_ = std::move(told);
}

}  // namespace weir
