#include "http/body_budget.h"

#include <algorithm>

namespace weir {

bool BodyBudget::Lease::grow_to(BodyBudget& budget, std::string_view address, std::size_t size) {
  if (size <= size_) return true;
  if (budget_ == nullptr) address_ = address;
  if (!budget.take(address_, size - size_)) return false;
  budget_ = &budget;
  size_ = size;
  return true;
}

void BodyBudget::set_limit(std::size_t limit) {
  std::lock_guard lock(lock_);
  limit_ = limit;
}

std::size_t BodyBudget::held() const {
  std::lock_guard lock(lock_);
  return held_;
}

bool BodyBudget::take(const std::string& address, std::size_t more) {
  std::lock_guard lock(lock_);
  if (more > limit_ - std::min(limit_, held_)) return false;
  std::size_t& own = by_address_[address];
  // The first of an address always has room: else a limit of few bodies' size would let in nobody.
  if (own != 0 && own + more > limit_ / 2) return false;
  own += more;
  held_ += more;
  return true;
}

void BodyBudget::give_back(const std::string& address, std::size_t size) {
  std::lock_guard lock(lock_);
  held_ -= size;
  const auto found = by_address_.find(address);
  found->second -= size;
  if (found->second == 0) by_address_.erase(found);
}

}  // namespace weir
