// The connections of a shard that wait for their next request, the longest waiting first: they make room when
// there are too many. One shard.
#pragma once

#include <cstddef>
#include <string_view>

#include "runtime/waiter.h"

namespace weir {

class IdleList {
 public:
  /// One connection's place. Taken out by its destructor. Views and scope outlive it.
  class Place {
   public:
    /// `address`: the peer's, without its port; `scope`: ends the connection's wait.
    Place(std::string_view address, CancelScope& scope) noexcept : address_(address), scope_(scope) {}
    Place(const Place&) = delete;
    Place& operator=(const Place&) = delete;
    ~Place() { leave(); }

    /// Behind all others; does nothing if it is in the list.
    void enter(IdleList& list) noexcept {
      if (next_ != nullptr) return;
      previous_ = list.head_.previous_;
      next_ = &list.head_;
      previous_->next_ = this;
      next_->previous_ = this;
    }
    void leave() noexcept {
      if (next_ == nullptr) return;
      previous_->next_ = next_;
      next_->previous_ = previous_;
      next_ = previous_ = nullptr;
    }

   private:
    friend class IdleList;
    std::string_view address_;
    CancelScope& scope_;
    Place* next_ = nullptr;
    Place* previous_ = nullptr;
  };

  IdleList() noexcept { head_.next_ = head_.previous_ = &head_; }
  IdleList(const IdleList&) = delete;
  IdleList& operator=(const IdleList&) = delete;
  ~IdleList() { head_.next_ = head_.previous_ = nullptr; }

  /// Ends the connection that has waited longest. False: none waits.
  bool shed_oldest() noexcept { return head_.next_ != &head_ && shed(*head_.next_); }
  /// The same among those of one address, of which the oldest few hundred are looked at.
  bool shed_oldest_of(std::string_view address) noexcept {
    std::size_t looks = kLooksMax;
    for (Place* one = head_.next_; one != &head_ && looks-- != 0; one = one->next_)
      if (one->address_ == address) return shed(*one);
    return false;
  }

 private:
  static constexpr std::size_t kLooksMax = 256;
  static bool shed(Place& one) noexcept {
    one.leave();
    one.scope_.cancel();
    return true;
  }

  CancelScope none_;
  Place head_{{}, none_};
};

}  // namespace weir
