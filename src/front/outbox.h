// What waits to be written to one client: bounded, in order, and nothing of it is lost. Whoever has more
// waits until the client has read, so that a slow client slows down its servers and nobody else. One shard.
#pragma once

#include <string>
#include <vector>

#include "base/buffer_budget.h"
#include "runtime/wait_list.h"

namespace weir {

class Outbox {
 public:
  /// What is held at most; one larger message still passes.
  static constexpr std::size_t kCountMax = 4096;
  static constexpr std::size_t kBytesMax = 4 * 1024 * 1024;
  /// What may wait for room besides, in bytes: beyond it the client counts as gone.
  static constexpr std::size_t kWaitingMax = 64 * 1024 * 1024;

  /// A message, and what it holds of its client's room until it is written.
  struct Item {
    std::string text;
    BufferBudget::Lease room;
  };

  /// Queues a message, as soon as there is room. False: the client has gone.
  Task<bool> put(std::string text, BufferBudget::Lease room = BufferBudget::Lease());
  /// True if there is no room at present: the client does not read.
  bool full() const noexcept { return items_.size() >= kCountMax || bytes_ >= kBytesMax; }
  /// Waits until there is room, or the client has gone.
  Task<void> room();

  /// Why take() returned: messages; none until then; no more will come; cancelled.
  enum class Took : std::uint8_t { messages, nothing, end, cancelled };
  /// Takes all that waits. One coroutine at a time.
  Task<Took> take(std::vector<Item>& items, TimePoint until, CancelScope* cancel);

  /// No more will be put: the reader ends when it has taken all.
  void end() noexcept;
  /// The client has gone: what waits is let go, and whoever wants to put more is told.
  void close() noexcept;

 private:
  std::vector<Item> items_;
  std::size_t bytes_ = 0;
  std::size_t waiting_ = 0;  // bytes of those who wait for room
  bool ended_ = false;
  bool closed_ = false;
  Waiter filled_;
  WaitList room_;
};

}  // namespace weir
