// A bounded run of messages towards one client: written from any shard, read by one connection at a time,
// kept for a while so that a reader that was cut off can go on where it stopped. A reader that falls behind
// the bounds is told so and ends; the writers never wait. Source: MCP 2025-11-25 basic/transports,
// "Resumability and Redelivery".
#pragma once

#include <cstdint>
#include <memory>
#include <mutex>
#include <string>
#include <vector>

#include "runtime/shard.h"
#include "runtime/task.h"
#include "runtime/waiter.h"

namespace weir {

/// A message that many feeds may share.
using FeedText = std::shared_ptr<const std::string>;

class Feed {
 public:
  /// What is kept, read or not.
  struct Bounds {
    std::size_t count_max = 1000;
    std::size_t bytes_max = 1024 * 1024;  // one larger message is still kept, while all such have room
  };
  explicit Feed(Bounds bounds) noexcept : bounds_(bounds) {}
  Feed(const Feed&) = delete;
  Feed& operator=(const Feed&) = delete;
  ~Feed();
  /// Bytes that feeds which have ended keep, of all. Any thread.
  static std::size_t kept_by_ended() noexcept;

  /// Appends a message; its number, 1 for the first. 0: the feed has ended. Any thread.
  std::uint64_t append(FeedText text);
  /// No more will come: its reader ends when it has read all. Any thread.
  void end();
  bool ended() const;
  /// Bytes of what it keeps.
  std::size_t bytes() const;
  /// True if a reader can begin behind message number `after`: nothing of what follows is lost.
  bool keeps(std::uint64_t after) const;
  /// Up to which number some reader has passed messages on: where one without a place of its own begins.
  std::uint64_t read() const;
  void note_read(std::uint64_t number);

  /// One reader's place. A new reader ends the one before it. One shard.
  class Reader {
   public:
    /// Begins behind message number `after`.
    Reader(Feed& feed, std::uint64_t after);
    ~Reader();
    Reader(const Reader&) = delete;
    Reader& operator=(const Reader&) = delete;

    /// Why next() returned: a message; nothing until then; all was read and no more comes; messages were lost
    /// because the reader was too slow, or they are kept no more; another reader has come; cancelled.
    enum class Came : std::uint8_t { message, nothing, end, behind, replaced, cancelled };
    /// Takes the next message into text() and number().
    Task<Came> next(TimePoint until, CancelScope& cancel);
    const std::string& text() const noexcept { return *text_; }
    std::uint64_t number() const noexcept { return number_; }

   private:
    struct Bell;
    friend class Feed;
    bool take(Came& came);

    Feed& feed_;
    std::uint64_t number_;
    FeedText text_;
    std::shared_ptr<Bell> bell_;
  };

 private:
  void ring();
  bool count_large();

  mutable std::mutex lock_;
  const Bounds bounds_;
  std::vector<FeedText> texts_;  // the last ones; texts_[i] has number first_ + i
  std::uint64_t first_ = 1;
  std::uint64_t read_ = 0;
  std::size_t bytes_ = 0;
  std::size_t large_ = 0;  // of bytes_, beyond bytes_max
  bool ended_ = false;
  std::shared_ptr<Reader::Bell> bell_;  // of the present reader
};

}  // namespace weir
