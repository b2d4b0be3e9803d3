#include "base/buffer_budget.h"

#include <algorithm>

namespace weir {

void BufferBudget::set_limit(std::size_t limit) {
  std::lock_guard lock(lock_);
  limit_ = limit;
}

std::size_t BufferBudget::held() const {
  std::lock_guard lock(lock_);
  return held_;
}

bool BufferBudget::grow(Lease& lease, std::size_t size) {
  std::lock_guard lock(lock_);
  if (size <= lease.size_) return true;
  const std::size_t more = size - lease.size_;
  if (more > limit_ - std::min(limit_, held_)) return false;
  const auto found = by_client_.find(lease.client_);
  const std::size_t own = found == by_client_.end() ? 0 : found->second;
  // One of a client always has room, however it grows: else a limit of few messages' size would let in
  // nobody.
  if (own != lease.size_ && own + more > limit_ / 2) return false;
  if (found == by_client_.end())
    by_client_.emplace(lease.client_, more);
  else
    found->second += more;
  held_ += more;
  lease.size_ = size;
  return true;
}

void BufferBudget::give_back(std::string_view client, std::size_t size) {
  std::lock_guard lock(lock_);
  held_ -= size;
  const auto found = by_client_.find(client);
  found->second -= size;
  if (found->second == 0) by_client_.erase(found);
}

BufferBudget& stray_budget() noexcept {
  static BufferBudget budget;
  return budget;
}

}  // namespace weir
