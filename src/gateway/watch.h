// What a server says outside of calls to whoever wants to know: one stream for all clients together, for all
// that any of them wants. A server of the new revision is asked by one `subscriptions/listen`, made anew when
// the wishes change (the old one ends when the new one is acknowledged); an old one by its session's stream
// and `resources/subscribe`. The wishes are not kept here, so that they outlive the server. Home shard of the
// server. Source: MCP 2026-07-28 basic/patterns/subscriptions; MCP 2025-11-25 server/resources,
// "Subscriptions"; the extension io.modelcontextprotocol/tasks.
#pragma once

#include <functional>
#include <memory>
#include <set>
#include <string>
#include <utility>
#include <vector>

#include "gateway/interests.h"
#include "runtime/nursery.h"
#include "transport/transport.h"

namespace weir {

class Watch {
 public:
  /// What it needs of its server; all of it outlives this.
  struct Options {
    std::function<Transport&()> transport;                     // the home shard's
    StrayMessage stray;                                        // gets what comes
    std::function<void()> lost;                                // the server has forgotten the session
    std::function<std::set<std::string>(Topic::Kind)> wanted;  // by the server's own names, at any time
  };
  explicit Watch(Options options);
  ~Watch();

  /// The server is known as `peer` from now on: begins to listen, with all that is wanted.
  void begin(std::shared_ptr<const Peer> peer);
  /// The server is lost.
  void end();
  /// It is to be left for good.
  void leave();
  /// What is wanted has changed.
  void renew();
  /// True once the server has agreed to tell of this, which is wanted already; false if it does not, or not
  /// in time.
  Task<bool> settle(Topic::Kind kind, std::string what, TimePoint deadline, CancelScope& cancel);
  /// Ends all.
  Task<void> close();

 private:
  static constexpr std::size_t kAtOnceMax = Interests::kPerServerMax;
  struct Listening;
  using Name = std::pair<Topic::Kind, std::string>;
  struct Filter {
    std::string text;  // the members of `notifications`; empty for nothing
    std::set<Name> names;
    bool operator==(const Filter&) const = default;
  };
  enum class Ended : std::uint8_t { broken, refused, unknown };
  Filter filter();
  Task<void> listen(std::shared_ptr<Listening> one);
  Task<Ended> listen_once(std::shared_ptr<Listening> one);
  bool lessen(const Listening& one);
  void acknowledged(Listening& one, const Message& message);
  Task<void> listen_old(std::shared_ptr<Listening> one);
  void tell_old();
  Task<void> bring_in_line(std::shared_ptr<Listening> one);
  Task<void> ask(std::shared_ptr<Listening> one, std::string uri);
  Task<void> withdraw(std::shared_ptr<Listening> one, std::string uri);
  bool agreed(Topic::Kind kind, const std::string& what) const;
  bool undecided(Topic::Kind kind, const std::string& what) const;
  void wake_all();

  const Options options_;
  std::shared_ptr<const Peer> peer_;
  std::shared_ptr<Listening> now_;   // acknowledged, or the only one
  std::shared_ptr<Listening> next_;  // not acknowledged yet
  // Of a new server, which may refuse a whole filter for one name in it: how that one is found.
  std::set<Name> proven_;             // in a filter that was acknowledged
  std::set<Name> refused_;            // alone among such
  std::size_t at_once_ = kAtOnceMax;  // names of neither kind in a filter
  unsigned refusals_ = 0;             // since the last acknowledgement
  std::vector<Waiter*> waiting_;
  CancelScope stop_;
  Nursery fibers_;
};

}  // namespace weir
