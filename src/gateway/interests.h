// Who wants to hear of what, of which server: subscriptions to resources, and tasks that are listened to.
// Each belongs to the one who asked (a session, or a request that listens), so that whoever leaves takes
// along what it began and nothing else. Kept by the servers' names, apart from the servers: a server that
// dies or is replaced finds here what it is to be asked for anew. Bounded by what its holders may have. Any
// thread. Source: MCP 2025-11-25 server/resources, "Subscriptions"; MCP 2026-07-28
// basic/patterns/subscriptions; the extension io.modelcontextprotocol/tasks.
#pragma once

#include <atomic>
#include <compare>
#include <functional>
#include <map>
#include <memory>
#include <mutex>
#include <optional>
#include <set>
#include <string>
#include <string_view>
#include <utility>

#include "gateway/feed.h"
#include "mcp/handshake.h"
#include "mcp/message.h"

namespace weir {

/// One thing that a server can tell of, and in which of its sessions.
struct Topic {
  enum class Kind : std::uint8_t { resource, task };
  std::string server;  // configured name
  std::string link;    // the client's own session that it is told in (ClientLinks::key_of); empty: the shared
  Kind kind = Kind::resource;
  std::string original;  // the server's own URI or task id
  auto operator<=>(const Topic&) const = default;
};

/// As whom a client's own session with an old server is opened.
struct Introduced {
  Introduction as;
  std::string identity;  // by whom shares are counted
};

/// Who hears: what is told goes into its feed.
struct Hearer {
  std::string id;        // of an old session, or of its own making for a request that listens
  std::string raw_id;    // of that request, raw; empty: a session
  std::string identity;  // by whom shares are counted
  std::shared_ptr<Feed> feed;
  std::shared_ptr<const Introduced> introduced;  // of a request that listens; null: a session knows it
};

class Interests {
 public:
  /// What one hearer may have at a time.
  static constexpr std::size_t kMax = 20'000;
  /// What is wanted together, counted once however many want it.
  static constexpr std::size_t kTopicsMax = 100'000;
  /// What is wanted of a server in one session, likewise: it is asked for in one message.
  static constexpr std::size_t kPerServerMax = 20'000;
  static constexpr std::size_t kPerServerBytesMax = std::size_t{1} << 20;
  /// What part of that one client may fill in the session that all share, once half of it is taken.
  static constexpr std::size_t kShares = 8;
  /// The longest URI or task id that is taken in.
  static constexpr std::size_t kNameMax = std::size_t{8} << 10;
  /// What has changed: what is wanted in a session, or only what is agreed of it.
  enum class Change : std::uint8_t { wanted, agreed };
  /// Told when the first has come or the last has gone who wants something of this server in this session;
  /// and when it is agreed. On the thread that changed it, no lock held.
  using Changed = std::function<void(const std::string& server, const std::string& link, Change change)>;
  explicit Interests(Changed changed) : changed_(std::move(changed)) {}

  /// The servers that there are: what was wanted of others is forgotten, and no more is taken in.
  void set_servers(std::set<std::string> names);
  /// An id for a request that listens: no session has such a one.
  std::string new_hearer() { return "listener " + std::to_string(++hearers_); }
  /// From now on `hearer` is told of it, as `known`. False: it is already, or too much is wanted, or there
  /// is no such server.
  bool add(const Hearer& hearer, const std::string& known, const Topic& topic);
  /// The server has agreed: it is to be asked again whenever it has forgotten.
  void agreed(const std::string& hearer, Topic::Kind kind, const std::string& known);
  /// Takes it out; what it was, nothing if it was not there.
  std::optional<Topic> remove(const std::string& hearer, Topic::Kind kind, const std::string& known);
  /// What a hearer has; nothing if it has no such thing.
  std::optional<Topic> find(const std::string& hearer, Topic::Kind kind, const std::string& known) const;
  /// The hearer has gone.
  void forget(const std::string& hearer);
  /// This server has no sessions of clients' own: what was wanted in them is wanted in the shared one.
  void share(const std::string& server);

  /// What is wanted of a server: in the shared session all of it, in a client's own what was agreed.
  std::set<std::string> wanted(const std::string& server, const std::string& link, Topic::Kind kind) const;
  /// True if any resource is, in a client's own session.
  bool wants(const std::string& server, const std::string& link) const;
  /// What is wanted in the shared session, each with that one of its hearers that `rank` puts lowest. `rank`
  /// is called under the lock.
  using Rank = std::function<unsigned(const std::string& hearer)>;
  std::map<std::string, std::string> wanted_by(const std::string& server, Topic::Kind kind,
                                               const Rank& rank) const;
  /// As whom this session is opened, if something is wanted in it and it is no old client's.
  std::optional<Introduced> introduced(const std::string& server, const std::string& link) const;
  /// The clients' own sessions with a server in which something is.
  std::set<std::string> links(const std::string& server) const;
  /// True if anyone wants this.
  bool has(const Topic& topic) const;
  std::size_t size() const;

  /// Passes a server's notification on to those who want it, each under its own name for it.
  void tell(const Topic& topic, const Message& message) const;

 private:
  struct Entry {
    std::string raw_id;
    std::string identity;
    std::shared_ptr<Feed> feed;
    bool agreed = false;
    // What came before that, the newest: it is told only if it is agreed to.
    mutable std::shared_ptr<const std::string> early;
  };
  using Name = std::pair<Topic::Kind, std::string>;                      // as a hearer knows it
  using Entries = std::map<std::pair<std::string, std::string>, Entry>;  // by hearer and its name for it
  using Changes = std::set<std::pair<std::string, std::string>>;
  struct Wanted {
    Entries entries;
    std::map<std::string, std::size_t> identities;  // whose they are, where shares are counted
  };
  using Topics = std::map<Topic, Wanted>;
  struct Load {
    std::size_t count = 0;
    std::size_t bytes = 0;
    std::shared_ptr<const Introduced> introduced;
  };
  using Loads = std::map<std::pair<std::string, std::string>, Load>;
  void drop(const std::string& hearer, const Name& name, const Topic& topic, Changes& changes);
  void report(const Changes& changes) const;
  bool has_room(const Topic& topic, const Hearer& hearer) const;
  void load(const Topic& topic, const Hearer& hearer);
  void charge(const Topic& topic, Wanted& wanted, const std::string& identity);
  void discharge(const Topic& topic, Wanted& wanted, const std::string& identity);
  static void unload(Loads& loads, const std::string& server, const std::string& of, const Topic& topic);

  const Changed changed_;
  std::atomic<std::uint64_t> hearers_{0};
  mutable std::mutex lock_;
  std::set<std::string> servers_;
  Topics topics_;
  Loads loads_;   // of topics_, by server and link
  Loads shares_;  // of those in shared sessions, by server and identity
  std::map<std::string, std::map<Name, Topic>> by_hearer_;
};

}  // namespace weir
