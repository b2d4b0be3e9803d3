// The connections of a shard that wait for their client: they make room when there are too many. Those that
// have not been served yet go first, so that a flood of new ones does not push out who was here before, then
// those between requests, then those within a body; of each kind the longest waiting. Where memory is short,
// those with half a header go. One shard.
#pragma once

#include <atomic>
#include <cstddef>
#include <cstdint>
#include <string_view>

#include "runtime/waiter.h"

namespace weir {

class IdleList {
 public:
  /// What a connection waits for: a request, the rest of a header, the rest of a body.
  enum class Wait : std::uint8_t { request, head, body };
  /// One connection's place. Taken out by its destructor. Views and scope outlive it.
  class Place {
   public:
    /// `address`: the peer's, without its port; `scope`: ends the connection's wait.
    Place(std::string_view address, CancelScope& scope) noexcept : address_(address), scope_(scope) {}
    Place(const Place&) = delete;
    Place& operator=(const Place&) = delete;
    ~Place() { leave(); }

    /// Behind all others of its kind; does nothing if it is in the list.
    void enter(IdleList& list, Wait wait = Wait::request) noexcept {
      if (next_ != nullptr) return;
      wait_ = wait;
      Place& head = list.heads_[wait == Wait::body ? 2 : served_ ? 1 : 0];
      previous_ = head.previous_;
      next_ = &head;
      previous_->next_ = this;
      next_->previous_ = this;
    }
    /// From now on it is one that has been served. Not while it is in the list.
    void note_served() noexcept { served_ = true; }
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
    bool served_ = false;
    Wait wait_ = Wait::request;
  };

  IdleList() noexcept {
    for (Place& head : heads_) head.next_ = head.previous_ = &head;
  }
  IdleList(const IdleList&) = delete;
  IdleList& operator=(const IdleList&) = delete;
  ~IdleList() {
    for (Place& head : heads_) head.next_ = head.previous_ = nullptr;
  }

  /// Those that are ended are counted there from now on.
  void count_in(std::atomic<std::uint64_t>& counter) noexcept { counter_ = &counter; }
  /// Ends a connection that waits. False: none does.
  bool shed_oldest() noexcept {
    for (Place& head : heads_)
      if (head.next_ != &head) return shed(*head.next_);
    return false;
  }
  /// Ends a connection that waits for the rest of its header, for its memory: the oldest few hundred of each
  /// kind are looked at. False: there is none among them.
  bool shed_half_head() noexcept {
    for (Place& head : heads_) {
      std::size_t looks = kLooksMax;
      for (Place* one = head.next_; one != &head && looks-- != 0; one = one->next_)
        if (one->wait_ == Wait::head) return shed(*one);
    }
    return false;
  }
  /// shed_oldest() among those of one address, for which the oldest few hundred of each kind are looked at.
  bool shed_oldest_of(std::string_view address) noexcept {
    for (Place& head : heads_) {
      std::size_t looks = kLooksMax;
      for (Place* one = head.next_; one != &head && looks-- != 0; one = one->next_)
        if (one->address_ == address) return shed(*one);
    }
    return false;
  }

 private:
  static constexpr std::size_t kLooksMax = 256;
  bool shed(Place& one) noexcept {
    one.leave();
    one.scope_.cancel();
    if (counter_ != nullptr) counter_->fetch_add(1, std::memory_order_relaxed);
    return true;
  }

  std::atomic<std::uint64_t>* counter_ = nullptr;
  CancelScope none_;
  Place heads_[3] = {{{}, none_}, {{}, none_}, {{}, none_}};  // not served yet, served, within a body
};

}  // namespace weir
