// The way out of a conversation whose answers come by an event stream: every message is a POST of its own, to
// which the server says no more than that it has it. Requests go side by side, since some servers hold a POST
// until they have answered; what belongs to a request goes behind it, all else in order. One life of the
// stream, one shard.
#pragma once

#include <deque>
#include <functional>
#include <map>
#include <memory>
#include <string>

#include "http/client.h"
#include "http/pool.h"
#include "runtime/nursery.h"
#include "runtime/shard.h"
#include "transport/conversation.h"

namespace weir {

class LegacySsePosts final : public Conversation::Wire {
 public:
  /// `head`: request line and fields of a POST, but for its length. `pool` and `stop` outlive this.
  LegacySsePosts(Shard& shard, Pool& pool, std::string head, Duration connect_time, CancelScope& stop)
      : shard_(shard), pool_(pool), head_(std::move(head)), connect_time_(connect_time), stop_(stop) {}

  /// Whose messages these are, before the first of them; `forgotten` is called when the server knows the
  /// session no more.
  void attach(Conversation& talk, std::function<void()> forgotten) {
    talk_ = &talk;
    forgotten_ = std::move(forgotten);
  }
  /// A field for all POSTs from now on.
  void add_field(std::string_view name, std::string_view value);
  bool put(std::string_view message, std::string_view about) override;
  std::uint64_t batch() const noexcept override { return puts_; }
  /// A message that is waited for until the server has it. Errors: why it has it not.
  Task<Result<void>> say(std::string_view message);
  /// Nothing goes out any more. Requests that never left end so, before Conversation::end() ends the others.
  void stop(std::string_view how);
  /// After stop(): waits until nothing is under way.
  Task<void> join() { co_await fibers_.join(); }

 private:
  struct Post {
    std::string id;  // raw
    std::string text;
    std::string cancel;  // what is to follow it: nobody waits any more
    bool sent = false;   // the server may have seen it
  };
  struct Answer {
    int status = 0;
    std::string retry_after;
  };
  Task<void> work();
  Task<void> work_notes();
  Task<void> serve(Post& post);
  Task<bool> has_forgotten(int status);
  Task<Result<Answer>> bring(std::string_view text, std::string_view id, bool& sent);
  Task<Result<Answer>> read_answer(HttpExchange exchange, std::string_view id);

  Shard& shard_;
  Pool& pool_;
  std::string head_;
  const Duration connect_time_;
  Conversation* talk_ = nullptr;
  std::function<void()> forgotten_;
  std::deque<std::shared_ptr<Post>> waiting_;  // requests that no worker has taken yet
  std::map<std::string, std::shared_ptr<Post>, std::less<>>
      open_;                       // requests that the server has not taken yet
  std::deque<std::string> notes_;  // all else, in order
  std::size_t held_ = 0;           // bytes of all these
  std::size_t workers_ = 0;
  bool noting_ = false;
  std::uint64_t puts_ = 0;
  CancelScope stop_;
  Nursery fibers_;
};

}  // namespace weir
