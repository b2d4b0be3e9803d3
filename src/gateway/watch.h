// What a server says outside of calls to whoever wants to know: one stream for all clients together, for all
// that any of them wants. A server of the new revision is asked by one `subscriptions/listen`, made anew when
// the wishes change (the old one ends when the new one is acknowledged); an old one by its session's stream
// and `resources/subscribe`. The wishes are not kept here, so that they outlive the server. Home shard of the
// server. Source: MCP 2026-07-28 basic/patterns/subscriptions; MCP 2025-11-25 server/resources,
// "Subscriptions"; the extension io.modelcontextprotocol/tasks.
#pragma once

#include <cstdint>
#include <functional>
#include <list>
#include <map>
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
    /// The same, each with one of those who want it (Interests::wanted_by).
    std::function<std::map<std::string, std::string>(Topic::Kind, const Interests::Rank&)> wanted_by;
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
  using Suspects = std::map<Name, std::string>;  // names that may be refused, each with one who wants it
  struct Filter {
    std::string text;  // the members of `notifications`; empty for nothing
    std::set<Name> names;
    Suspects suspects;    // of these, those that are not proven
    bool blamed = false;  // they are of a hearer that has a part in refusals
    bool operator==(const Filter& other) const { return text == other.text; }
  };
  /// A name that the server has refused: when it is asked again.
  struct Refusal {
    TimePoint until{};
    unsigned times = 0;
  };
  enum class Ended : std::uint8_t { broken, refused, unknown };
  Filter filter();
  std::set<Name> all_wanted() const;
  Suspects unproven(const std::set<Name>& wanted, bool& blamed);
  bool choose(Suspects& suspects) const;
  unsigned refusals_of(const std::string& hearer) const;
  bool is_refused(const Name& name) const;
  void refuse(const Name& name);
  Task<void> ask_again();
  Task<void> listen(std::shared_ptr<Listening> one);
  Task<Ended> listen_once(std::shared_ptr<Listening> one);
  bool lessen(Listening& one);
  void acknowledged(Listening& one, const Message& message);
  Task<void> listen_old(std::shared_ptr<Listening> one);
  void tell_old();
  Task<void> bring_in_line(std::shared_ptr<Listening> one);
  Task<void> ask(std::shared_ptr<Listening> one, std::string uri);
  Task<void> withdraw(std::shared_ptr<Listening> one, std::string uri);
  bool agreed(Topic::Kind kind, const std::string& what) const;
  bool undecided(Topic::Kind kind, const std::string& what) const;
  void wake_all();
  Task<void> wake_waiting();

  const Options options_;
  std::shared_ptr<const Peer> peer_;
  std::shared_ptr<Listening> now_;   // acknowledged, or the only one
  std::shared_ptr<Listening> next_;  // not acknowledged yet
  // Of a new server, which may refuse a whole filter for one name in it: how that one is found. Whoever has
  // no part in refusals does not wait for those who have.
  std::set<Name> proven_;                    // in a filter that was acknowledged
  std::map<Name, Refusal> refused_;          // alone among such
  std::size_t at_once_ = kAtOnceMax;         // names of neither kind in a filter
  std::size_t blamed_at_once_ = kAtOnceMax;  // the same, of hearers that have a part in refusals
  std::map<std::string, unsigned> blamed_;   // hearers, by how many of their names were refused
  unsigned refusals_ = 0;                    // of filters, since all that is wanted was decided
  bool asking_again_ = false;                // what was refused is asked for when its time has come
  /// Somebody who waits to hear whether a name is agreed to.
  struct Waiting {
    Waiter waiter;
    std::uint64_t told = 0;  // the last of tidings_ that it was woken for
  };
  std::list<Waiting*> waiting_;
  std::uint64_t tidings_ = 0;  // how often there was something to tell them
  bool waking_ = false;
  CancelScope stop_;
  Nursery fibers_;
};

}  // namespace weir
