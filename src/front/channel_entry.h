// One client's duplex channel of messages, whatever carries it: lines on pipes, or an event stream with POSTs
// beside it. Both eras may come over the same one: `initialize` opens its one session, a request that says
// its revision in `_meta` needs none. Requests run side by side. One shard. Source: MCP 2025-11-25 and
// 2026-07-28 basic/transports, stdio; MCP 2024-11-05 basic/transports.
#pragma once

#include <memory>
#include <string>
#include <vector>

#include "front/outbox.h"
#include "front/serving.h"
#include "runtime/nursery.h"

namespace weir {

class ChannelEntry {
 public:
  /// Whose channel it is.
  struct Client {
    std::string identity;
    std::string path;  // where its session belongs
    // What becomes of messages of no call that come faster than the client reads: the oldest are left out, or
    // the channel ends.
    bool may_lose_news = false;
  };
  /// Requests under way at a time; more wait, and with them whoever reads the channel.
  static constexpr std::size_t kCallsMax = 1000;

  /// `serving` outlives it.
  ChannelEntry(Serving& serving, Client client);
  ChannelEntry(const ChannelEntry&) = delete;
  ChannelEntry& operator=(const ChannelEntry&) = delete;
  ~ChannelEntry();

  /// Takes one message and begins what it asks for; waits while too much is under way. False: the channel has
  /// ended.
  Task<bool> take(Message message);
  /// Takes bytes that should be a message, or a batch; what is neither is answered so.
  Task<bool> take_bytes(Bytes bytes);
  /// Answers a message that is longer than the `most` bytes that are taken; `begin`: its first bytes.
  Task<bool> take_overlong(std::string_view begin, std::size_t most);
  /// What goes to the client.
  Outbox& outbox() noexcept { return outbox_; }

  /// Nothing more will come from the client: what it was asked is given up, calls under way go on.
  void no_more();
  /// The client has gone: everything under way ends.
  void abandon();
  /// After either: waits until all has ended. The session ends, and with it the outbox.
  Task<void> finish();

 private:
  class Sink;
  bool open() const noexcept { return !no_more_ && !gone_; }
  Task<bool> wait_turn(bool request);
  Visit visit_for(Sink& sink) const;
  Task<void> run(Message message);
  Task<void> run_batch(Bytes bytes);
  Task<void> answer(Visit& visit, const Message& message, CancelScope& scope);
  Task<void> new_request(Visit& visit, const Message& message, CancelScope& scope);
  Task<void> initialize(Visit& visit, const Message& message, CancelScope& scope);
  Task<void> old_notification(Message message);
  void cancel(std::string_view raw_id);
  Task<void> bring_news();
  void keep_session();

  Serving& serving_;
  const Client client_;
  Outbox outbox_;
  std::shared_ptr<Session> session_;
  bool initializing_ = false;
  bool no_more_ = false;
  bool gone_ = false;
  std::vector<Sink*> running_;
  WaitList changed_;
  CancelScope stop_;
  Nursery calls_;
  Nursery news_;
};

}  // namespace weir
