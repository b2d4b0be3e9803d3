// One old client's session: what `initialize` settled, the messages that wait for its streams, what it was
// asked and has not answered, the tasks that it runs for servers. Shared by all shards; its members lock for
// themselves. Source: MCP 2025-11-25 basic/lifecycle, basic/transports.
#pragma once

#include <atomic>
#include <deque>
#include <functional>
#include <map>
#include <memory>
#include <mutex>
#include <optional>
#include <string>
#include <string_view>

#include "call/call.h"
#include "gateway/feed.h"
#include "mcp/version.h"

namespace weir {

/// What both sides call a task that a message speaks of; both empty: it speaks of none, or they agree.
struct TaskNames {
  std::string server;
  std::string client;
  bool foreign = false;  // the client knows another task by the server's id: it must not hear of this one
};

/// A server's request on its way to a client.
struct ClientAsk {
  std::shared_ptr<ServerLink> asker;
  std::string raw_id;        // the server's
  TaskNames task;            // that it is about
  std::string raw_token;     // the server's progress token for it; empty: none
  std::string server;        // who asks, by configured name
  bool makes_task = false;   // the client may answer with a task that it runs
  bool lists_tasks = false;  // it will answer with all the tasks that it runs
  Shard* home = nullptr;     // where `asker` and `ended` live
  TimePoint expires = kForever;
  std::function<void()> ended;  // told on `home` when it was answered or given up; may be empty
};

class Session {
 public:
  Session();

  /// Set before it is shared, constant from then on.
  std::string id;
  Revision revision = kNewestOld;
  std::string client_info;   // raw JSON; empty: none
  std::string capabilities;  // raw JSON
  std::string path;          // the endpoint it was made at: "/mcp" or "/mcp/NAME"
  std::string owner;         // the client it belongs to

  /// The level that the client asked for with logging/setLevel; empty: none.
  std::string log_level() const;
  void set_log_level(std::string level);

  /// Messages of no call: the client's GET stream, or its one channel where the transport has one.
  Feed& feed() noexcept { return *feed_; }
  const std::shared_ptr<Feed>& shared_feed() const noexcept { return feed_; }
  /// A feed for the answer stream of one call; its number comes in event ids. The oldest that have ended make
  /// room.
  std::shared_ptr<Feed> open_stream(std::uint64_t& number);
  /// Ends a feed that open_stream() gave. What has ended is kept for whoever was cut off, the latest in any
  /// case; the oldest go where they are many bytes together.
  void end_stream(Feed& feed);
  /// The feed of this number; 0 is feed(). Null: not known, or forgotten.
  std::shared_ptr<Feed> stream(std::uint64_t number) const;

  /// Takes note of a question to the client; the id to ask it under. Empty: too many are open.
  std::string ask(ClientAsk ask);
  /// Takes out what was asked under this raw id; null for what was not, or was answered before.
  std::shared_ptr<ClientAsk> take_ask(std::string_view raw_id);
  /// Takes out what this server (configured name) asked under its own raw id, with the id that the client
  /// knows; null for what is not open.
  std::shared_ptr<ClientAsk> take_ask_of(std::string_view server, std::string_view server_id,
                                         std::string& raw_id);
  /// What was asked under this raw id, still open.
  std::shared_ptr<ClientAsk> find_ask(std::string_view raw_id) const;
  /// The call that this was asked in has ended without waiting for the answer, which may still come. Few such
  /// are kept, or they would stand in the way of what is still waited for: takes out the oldest too many,
  /// with its id.
  std::map<std::string, std::shared_ptr<ClientAsk>> leave_ask(const std::string& id);
  /// Takes out all that have expired by `now`, with their ids.
  std::map<std::string, std::shared_ptr<ClientAsk>> take_expired(TimePoint now);

  /// Takes note of a task that the client runs for a server (configured name); the oldest makes room.
  void note_task(const std::string& id, const std::string& server);
  /// The server that it runs this task for; empty: there is none.
  std::string task_server(const std::string& id) const;

  /// It is in use at `now`: a request has come, a stream of it is read, a call in it goes on.
  void touch(TimePoint now) noexcept {
    used_.store(now.time_since_epoch().count(), std::memory_order_relaxed);
  }
  /// Ends its streams and lets go of what was asked.
  void end();

 private:
  friend class Sessions;
  static constexpr std::size_t kStreamsMax = 64;
  static constexpr std::size_t kEndedBytesMax = 4 * 1024 * 1024;
  static constexpr std::size_t kEndedBytesInAll = 64 * 1024 * 1024;  // of all sessions; then none keeps more
  static constexpr std::size_t kAsksMax = 256;
  static constexpr std::size_t kLeftMax = 16;
  static constexpr std::size_t kTasksMax = 1000;

  mutable std::mutex lock_;
  std::string log_level_;
  const std::shared_ptr<Feed> feed_;
  std::map<std::uint64_t, std::shared_ptr<Feed>> streams_;
  std::uint64_t next_stream_ = 1;
  std::map<std::string, std::shared_ptr<ClientAsk>, std::less<>> asks_;
  std::uint64_t next_ask_ = 1;
  std::deque<std::string> left_;              // of asks_, those of calls that have ended; the oldest first
  std::map<std::string, std::string> tasks_;  // that the client runs, to the server that each is run for
  std::deque<std::string> task_order_;        // the oldest first
  std::atomic<TimePoint::rep> used_{0};
};

/// Hands the client's answer to whoever asked; else the sentence that says why not, and what is open stays
/// so. Any shard.
std::string_view answer_ask(Session& session, const Message& response);
/// Gives up what was asked: the server is told that there will be no answer. Any shard.
void give_up_ask(std::shared_ptr<ClientAsk> ask);

}  // namespace weir
