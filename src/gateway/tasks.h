// Whose tasks there are and where they live. A task is known to whoever made it and to nobody else: its id
// leads only its owner to its server. An id stays as the server made it, unless its owner knows another task
// by it. Bounded: a task that nobody asked about for its time to live is forgotten, and the one least asked
// about makes room. Any thread. Source: MCP 2025-11-25 basic/utilities/tasks, "Task Isolation and Access
// Control"; the extension io.modelcontextprotocol/tasks.
#pragma once

#include <cstdint>
#include <list>
#include <map>
#include <mutex>
#include <optional>
#include <set>
#include <string>
#include <string_view>
#include <tuple>
#include <unordered_map>
#include <utility>
#include <vector>

#include "call/call.h"

namespace weir {

/// Where a task lives.
struct TaskPlace {
  std::string server;          // configured name
  std::string original;        // the server's own id
  std::uint32_t endpoint = 0;  // of the server's, by its number
  bool shared = false;         // made in the session that all clients share, where its server keeps it
  Duration left{};             // until it is forgotten, if nobody asks again
};

class Tasks {
 public:
  /// What is kept.
  struct Bounds {
    std::size_t count_max = 100'000;
    std::size_t owner_max = 1000;  // of one owner
    Duration life_min = std::chrono::hours(1);
    Duration life = std::chrono::hours(6);  // where the server names no time to live
    Duration life_max = std::chrono::hours(24);
  };
  Tasks() : Tasks(Bounds()) {}
  explicit Tasks(Bounds bounds) : bounds_(bounds) {}

  /// Whose the tasks of this client are: an old client's session's, or whom the client is. Never one era's to
  /// the other: an owner of one is none of the other.
  static std::string owner_of(const ClientView& client);
  /// The session behind an owner; empty: it is none.
  static std::string_view session_of(std::string_view owner) noexcept;

  /// Takes note of a task; what its owner knows it by. `ttl`: the server's, none if it names none.
  std::string add(const std::string& owner, const TaskPlace& at, std::optional<Duration> ttl, TimePoint now);
  /// Where the owner's task is; it is known for another time to live from now on. Nothing: it has no such
  /// task.
  std::optional<TaskPlace> find(const std::string& owner, std::string_view id, TimePoint now);
  /// What the owner knows a server's task by; empty: it is not the owner's.
  std::string known_as(const std::string& owner, const std::string& server,
                       const std::string& original) const;
  /// True if the owner knows some task by this id.
  bool takes(const std::string& owner, std::string_view id) const;
  /// Whose this task of a server is, and what they know it by.
  std::vector<std::pair<std::string, std::string>> owners(const std::string& server,
                                                          const std::string& original) const;
  /// The number of the endpoint that runs this task of a server; 0: no such task is known.
  std::uint32_t endpoint_of(const std::string& server, const std::string& original) const;
  /// Where the owner has tasks: servers, their endpoints, and whether in the session that all share.
  std::set<std::tuple<std::string, std::uint32_t, bool>> servers_of(const std::string& owner) const;
  /// The owner has gone.
  void forget(const std::string& owner);
  /// Forgets what nobody asked about for too long.
  void sweep(TimePoint now);
  std::size_t size() const;

 private:
  struct Entry {
    std::string owner;
    std::string id;  // as the owner knows it
    TaskPlace at;
    Duration life{};
    TimePoint expires{};
  };
  using Entries = std::list<Entry>;
  template <class Each>
  void of_owner(const std::string& owner, Each each) const;
  void use(Entries::iterator entry, TimePoint now);
  void drop(Entries::iterator entry);

  const Bounds bounds_;
  mutable std::mutex lock_;
  Entries entries_;  // least used first
  std::map<std::string, Entries::iterator, std::less<>> by_id_;
  std::map<std::string, Entries::iterator, std::less<>> by_original_;
  std::unordered_map<std::string, std::size_t> counts_;  // by owner
};

}  // namespace weir
