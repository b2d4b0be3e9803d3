// Room for large messages: request bodies that come slowly and answers that come whole are counted while they
// are held, in all and by client, so that a few clients can't fill the memory. Shared by all shards.
// Source: the hostile edge, "memory".
#pragma once

#include <cstddef>
#include <map>
#include <mutex>
#include <string>
#include <string_view>
#include <utility>

namespace weir {

class BufferBudget {
 public:
  /// Answers below it are not counted, in bytes.
  static constexpr std::size_t kCountedMin = 64 * 1024;

  /// Bytes that the large messages of one request hold; given back by its destructor. Outlived by the budget.
  /// Any thread.
  class Lease {
   public:
    Lease() = default;
    /// `budget` null: nothing is counted. The view outlives it.
    Lease(BufferBudget* budget, std::string_view client) noexcept : budget_(budget), client_(client) {}
    Lease(Lease&& other) noexcept
        : budget_(other.budget_), client_(other.client_), size_(std::exchange(other.size_, 0)) {}
    Lease& operator=(Lease&& other) noexcept {
      std::swap(budget_, other.budget_);
      std::swap(client_, other.client_);
      std::swap(size_, other.size_);
      return *this;
    }
    ~Lease() {
      if (size_ != 0) budget_->give_back(client_, size_);
    }
    /// Holds what the other one held besides its own. Both are of one client, or this one of none yet.
    void take_over(Lease& other) noexcept {
      if (other.size_ == 0) return;
      budget_ = other.budget_;
      client_ = other.client_;
      size_ += std::exchange(other.size_, 0);
    }
    /// Has it hold at least `size` bytes. False: there is no room, and it holds what it did.
    bool grow_to(std::size_t size) { return budget_ == nullptr || budget_->grow(*this, size); }

   private:
    friend class BufferBudget;
    BufferBudget* budget_ = nullptr;
    std::string_view client_;
    std::size_t size_ = 0;  // written under the budget's lock
  };

  /// `limit`: bytes in all; half of them of one client.
  void set_limit(std::size_t limit);
  /// What is held now.
  std::size_t held() const;

 private:
  bool grow(Lease& lease, std::size_t size);
  void give_back(std::string_view client, std::size_t size);

  mutable std::mutex lock_;
  std::size_t limit_ = static_cast<std::size_t>(-1);           // its lock
  std::size_t held_ = 0;                                       // its lock
  std::map<std::string, std::size_t, std::less<>> by_client_;  // its lock
};

/// Room for what servers say of their own accord, outside of calls: by server instead of by client, for all
/// of them an eighth of limits.buffers. Any thread.
BufferBudget& stray_budget() noexcept;

}  // namespace weir
