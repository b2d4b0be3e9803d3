// Room for request bodies that come slowly: what is announced is counted until the request is answered, in
// all and by the address that it comes from, so that a few connections can't fill the memory. Shared by all
// shards. Source: the hostile edge, "memory".
#pragma once

#include <cstddef>
#include <map>
#include <mutex>
#include <string>
#include <string_view>
#include <utility>

namespace weir {

class BodyBudget {
 public:
  /// Bytes that one body holds; given back by its destructor. Outlived by the budget.
  class Lease {
   public:
    Lease() = default;
    Lease(const Lease&) = delete;
    Lease& operator=(const Lease&) = delete;
    ~Lease() {
      if (budget_ != nullptr) budget_->give_back(address_, size_);
    }
    /// Has it hold at least `size` bytes for this address. False: there is no room, and it holds what it did.
    bool grow_to(BodyBudget& budget, std::string_view address, std::size_t size);

   private:
    BodyBudget* budget_ = nullptr;
    std::string address_;
    std::size_t size_ = 0;
  };

  /// `limit`: bytes in all; half of them of one address.
  void set_limit(std::size_t limit);
  /// What is held now.
  std::size_t held() const;

 private:
  bool take(const std::string& address, std::size_t more);
  void give_back(const std::string& address, std::size_t size);

  mutable std::mutex lock_;
  std::size_t limit_ = static_cast<std::size_t>(-1);            // its lock
  std::size_t held_ = 0;                                        // its lock
  std::map<std::string, std::size_t, std::less<>> by_address_;  // its lock
};

}  // namespace weir
