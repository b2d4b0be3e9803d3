#include "app/connection_book.h"

namespace weir {

ConnectionBook::Room ConnectionBook::enter(std::string_view address, std::size_t most,
                                           std::size_t most_of_address) {
  const bool full = all_.fetch_add(1, std::memory_order_relaxed) >= most;
  Stripe& own = stripe(address);
  std::lock_guard lock(own.lock);
  const bool address_full = own.counts[std::string(address)]++ >= most_of_address;
  return address_full ? Room::none_for_address : full ? Room::none : Room::yes;
}

void ConnectionBook::leave(std::string_view address) {
  all_.fetch_sub(1, std::memory_order_relaxed);
  Stripe& own = stripe(address);
  std::lock_guard lock(own.lock);
  const auto found = own.counts.find(std::string(address));
  if (--found->second == 0) own.counts.erase(found);
}

}  // namespace weir
