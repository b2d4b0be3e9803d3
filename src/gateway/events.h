// What happens outside of calls, from the servers to the clients who want to know: lists that have changed,
// resources that were updated, log messages and questions in a client's own session. Nobody gets what it did
// not ask for; bursts are merged; a client that does not read holds nobody up. Any shard; changes of lists
// are gathered on the control shard. Source: MCP 2026-07-28 basic/patterns/subscriptions; MCP 2025-11-25
// basic/transports, server/*.
#pragma once

#include <array>
#include <atomic>
#include <functional>
#include <map>
#include <memory>
#include <mutex>
#include <set>
#include <string>
#include <vector>

#include "gateway/event_text.h"
#include "gateway/feed.h"
#include "gateway/interests.h"
#include "gateway/plan.h"
#include "gateway/sessions.h"
#include "gateway/tasks.h"
#include "runtime/nursery.h"

namespace weir {

/// What a client of the new revision listens to, but for what Interests has of it. Immutable but for its
/// feed.
struct EventListener {
  std::string raw_id;     // of the request that listens, raw
  std::size_t kinds = 0;  // a bit for each ListKind whose changes it wants
  std::string caller;     // whose it is, as ClientLinks::key_of() has it
  std::string only;       // of /mcp/NAME; empty: all servers
  std::shared_ptr<Feed> feed;
  bool wants(ListKind kind) const noexcept { return (kinds >> static_cast<unsigned>(kind) & 1U) != 0; }
};

class Events {
 public:
  /// What it needs of the gateway; all of it outlives this. `learn` asks a server for a list anew.
  struct Options {
    Sessions* sessions = nullptr;
    Tasks* tasks = nullptr;
    const Interests* interests = nullptr;
    Shard* control = nullptr;
    std::function<std::shared_ptr<const Plan>()> plan;
    std::function<Task<void>(std::string server, ListKind kind)> learn;
  };
  explicit Events(Options options) : options_(std::move(options)) {}

  /// A message that belongs to no call, in the session of the client `key` (empty: in the one that all
  /// share).
  void from_server(const Upstream& server, const std::string& key, Message message,
                   std::shared_ptr<ServerLink> asker);
  /// A server has come, gone or was changed: its lists are other ones. Known already, unless `ask`.
  void list_changed(const std::string& server, ListKind kind, bool ask = false);
  void all_lists_changed(const Upstream& server);

  /// From now on it gets what it listens to, until it is left out again.
  void add(std::shared_ptr<EventListener> listener);
  void remove(const EventListener& listener);
  /// Listeners at present.
  std::size_t listening() const;
  /// Ends all listeners' feeds: the gateway goes.
  void end();
  /// Waits for what is under way. The control shard.
  Task<void> close();

 private:
  struct Change {
    std::string server;
    ListKind kind;
    bool ask;
    auto operator<=>(const Change&) const = default;
  };
  void in_session(const Upstream& server, Session& session, Message message,
                  std::shared_ptr<ServerLink> asker);
  void withdraw(const std::string& server, Session& session, std::string_view question);
  void task_told(const Upstream& server, const Message& message);
  void updated(const Upstream& server, const std::string& link, const Message& message);
  void for_caller(const Upstream& server, const std::string& key, const Message& message);
  Task<void> publish();
  Task<void> learn(std::string server);
  void tell(const std::set<Change>& changes);
  void tell(ListKind kind, const std::map<std::string, bool>& servers);

  const Options options_;
  mutable std::mutex lock_;
  std::vector<std::shared_ptr<EventListener>> listeners_;
  bool ended_ = false;

  // The control shard.
  std::set<Change> changes_;
  bool publishing_ = false;
  std::map<std::string, std::set<Change>>
      learning_;  // servers that are being asked; what is to be asked next
  CancelScope stop_;
  Nursery fibers_;
};

}  // namespace weir
