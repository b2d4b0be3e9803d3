// Calls under a client's idempotency key: what came of each is kept for a while, so that a client that lost
// the answer may ask again and its server runs the call once. A call that is asked for again while it runs is
// joined. One that asks its client for input goes on under its key: what it asked stays until the answers
// have reached the server. Forgotten with the process. Any shard; one lock, taken by calls with a key alone.
// Source: R13; the user's contract, `weir/idempotencyKey`.
#pragma once

#include <cstddef>
#include <list>
#include <memory>
#include <mutex>
#include <string>
#include <string_view>
#include <unordered_map>
#include <vector>

#include "call/call.h"
#include "runtime/shard.h"
#include "runtime/waiter.h"

namespace weir {

class KeyedCalls {
  struct Entry;
  struct Table;

 public:
  /// How long what came of a call is kept, of how many, and in how many bytes of results. Beyond it the
  /// oldest results go first, and then the oldest calls. A larger result is not kept at all.
  struct Limits {
    Duration kept = std::chrono::minutes(10);
    std::size_t calls = 100'000;
    std::size_t bytes = std::size_t{64} << 20;
    std::size_t result = std::size_t{1} << 20;
    std::size_t of_client = 10'000;  // calls of one client; over it others are refused to it
  };
  /// What a call is known by: whose it is, and what it is for. Views for the call of begin() alone.
  struct Name {
    std::string_view client;  // identity
    std::string_view server;
    std::string_view tool;
    std::string_view key;
    std::string_view arguments;  // raw: the same key must not stand for others
    // What a retry brings that goes on, raw: requestState and inputResponses. Both empty: the call begins.
    std::string_view state;
    std::string_view inputs;
  };
  /// What came of a call.
  struct Outcome {
    std::shared_ptr<const std::string> response;  // the server's, whole; null: it failed
    std::shared_ptr<const Peer> peer;             // under which it was made
    std::uint32_t endpoint = 0;
    std::string server;    // that answered: of a fallback another one
    std::string fallback;  // as of an Answer
    bool asks = false;     // the client for input: it goes on with the answer
    bool alike = false;    // and what was answered last is an answer to this as well
    bool bridged = false;  // as of the call
    Error failed;
  };

  /// Leave to make a call, for the first to ask. What is not said of it until the end means that its outcome
  /// is not known. One shard.
  class Run {
   public:
    Run(std::shared_ptr<Table> table, std::shared_ptr<Entry> entry, bool repeatable) noexcept;
    Run(const Run&) = delete;
    Run& operator=(const Run&) = delete;
    ~Run();
    /// Of these the first one counts. It was answered so.
    void answered(const Message& response, Outcome from);
    /// It failed so. If nothing was sent, or it may be repeated, it is as if it had not been begun.
    void failed(const Error& error);
    /// Nothing has come of it that would have to be kept: the next one who asks makes it anew, or, where it
    /// went on with answers, is told what it asked before.
    void forget();
    /// It is being made elsewhere as well: there `repeatable` or not.
    void may_run(bool repeatable) noexcept { repeatable_ = repeatable_ && repeatable; }

   private:
    const std::shared_ptr<Table> table_;
    std::shared_ptr<Entry> entry_;  // null: it is settled
    bool repeatable_;
  };
  /// What asking begins with.
  struct Begun {
    enum class As : std::uint8_t {
      first,   // `run` is to make the call
      again,   // it was made, or is being made: see settled()
      other,   // the key stands for other arguments
      crowded  // too many run, or are kept of its client
    };
    As as = As::crowded;           // as what
    std::unique_ptr<Run> run;      // of the first
    std::shared_ptr<Entry> entry;  // of `again` and `other`: what was begun before
    Duration wait{};               // of `crowded`: until one of its client is old; 0: that is not known
  };

  KeyedCalls() : KeyedCalls(Limits()) {}
  explicit KeyedCalls(Limits limits);

  /// `repeatable`: running it twice is known to be harmless.
  Begun begin(const Name& name, bool repeatable, TimePoint now);
  /// Waits until the call of `entry` is settled and says what came of it; nothing: nothing did, and it is to
  /// be begun anew. Errors: deadline_exceeded, cancelled: of the wait.
  Task<Result<std::optional<Outcome>>> settled(std::shared_ptr<Entry> entry, TimePoint deadline,
                                               CancelScope& cancel);
  /// Calls that run or are remembered.
  std::size_t size() const;

 private:
  const std::shared_ptr<Table> table_;
};

}  // namespace weir
