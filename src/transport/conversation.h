// One duplex stream of messages with a server, shared by all its calls: a child's pipes, or an event stream
// with its POSTs. Calls are told apart by our ids; what the server asks or says beside them finds the call it
// can be for, or goes to whoever listens. What it does wrong harms its own calls only. One shard.
#pragma once

#include <deque>
#include <functional>
#include <map>
#include <memory>
#include <optional>
#include <set>
#include <string>
#include <utility>

#include "base/buffer_budget.h"
#include "runtime/waiter.h"
#include "transport/transport.h"

namespace weir {

class Conversation : public std::enable_shared_from_this<Conversation> {
 public:
  /// The way out.
  class Wire {
   public:
    virtual ~Wire() = default;
    /// Queues one message. `about`: the id of the request of ours that it is or calls off, else empty.
    /// False: the server reads too slowly, nothing was queued.
    virtual bool put(std::string_view message, std::string_view about) = 0;
    /// Number of the write under way; what is put now belongs to the next one.
    virtual std::uint64_t batch() const noexcept = 0;
  };
  /// A request on its way: what has come for it, and how it ended.
  struct Pending {
    std::deque<Message> events;
    std::size_t bytes = 0;                         // of the events but log messages
    std::size_t logs = 0;                          // how many of the events are log messages
    std::size_t log_bytes = 0;                     // of these
    std::uint64_t logs_left_out = 0;               // its reader was too slow for them
    std::string counted_as;                        // whose room they take; outlives `room`
    BufferBudget::Lease room;                      // of all of them, while they are many bytes
    bool wants_log = false;                        // else log messages are not for it
    bool takes_requests = false;                   // else the server's requests are not for it
    std::string client;                            // whose call it is
    std::string capabilities;                      // what its client declared
    unsigned asked = 0;                            // requests of the server's that went to it
    std::set<std::string, std::less<>> questions;  // their ids, raw, of those not answered
    bool waits_for_client = false;
    std::optional<Error> failed;
    bool refused = false;     // the server never took it: there is nothing to call off
    std::uint64_t batch = 0;  // which write carries it
    Waiter waiter;
  };
  /// `wire` lives until end(). `message_max`: the most bytes of unread events of one call, and as much of
  /// unread log messages.
  Conversation(Wire& wire, std::size_t message_max, StrayMessage stray)
      : wire_(&wire), message_max_(message_max), stray_(std::move(stray)) {}

  /// Sends the call; its answer comes by take(). Errors: overloaded (Sent::no), and what ends it.
  Task<Result<Reply>> call(Call& call, const std::string& id);
  /// A request of Weir's own: registers `pending` under `id`, which the caller forgets in the end.
  void expect(const std::string& id, Pending& pending) { pending_.emplace(id, &pending); }
  /// Lets go of a request; with `tell` the server is told that nobody waits any more.
  void forget(const std::string& id, bool tell);
  /// The next event of a request. Errors: how it ended, deadline_exceeded, cancelled.
  Task<Result<Message>> next_event(Pending& pending, TimePoint deadline, CancelScope& cancel);

  /// A message from the server.
  void take(Message message);
  /// Bytes that are no message, with what could be told of them: the call they answer ends.
  void take_broken(const MessageFault& fault);
  /// The begin of a message longer than the limit, which is left out.
  void take_overlong(std::string_view begin);
  /// The wire could not bring a request to the server: it ends so.
  void refuse(std::string_view id, Error error);
  /// True while somebody waits for the answer.
  bool awaits(std::string_view id) const noexcept { return pending_.find(id) != pending_.end(); }
  /// Queues a message; dropped when there is no room or the wire is gone.
  void put(std::string_view message);
  /// The answer to a request of the server's, by its raw id, has gone back: it can be taken back no more.
  void answered(std::string_view raw_id) { (void)asked_in(raw_id); }
  /// Log messages that were left out of calls which have ended since this was asked last.
  std::uint64_t take_logs_left_out() noexcept { return std::exchange(logs_left_out_, 0); }
  /// The wire is gone: all requests end, those never written as such.
  void end(std::string_view how);
  bool ended() const noexcept { return wire_ == nullptr; }
  std::uint64_t batch() const noexcept { return wire_ == nullptr ? last_batch_ : wire_->batch(); }

 private:
  class Answers;
  void deliver(Pending& pending, Message message);
  static bool has_room(Pending& pending, std::size_t more);
  void take_request(Message message);
  Pending* asked_in(std::string_view raw_id);
  Pending* only_client(const std::function<bool(const Pending&)>& fits);
  static void fail_one(Pending& pending, Error::Kind kind, std::string detail);

  Wire* wire_;
  std::uint64_t last_batch_ = 0;
  const std::size_t message_max_;
  std::uint64_t logs_left_out_ = 0;
  StrayMessage stray_;  // what comes outside of any call, requests that no call can be asked for among it
  std::map<std::string, Pending*, std::less<>> pending_;  // by our id, raw
};

}  // namespace weir
