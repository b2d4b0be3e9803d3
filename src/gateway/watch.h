// What a server says outside of calls to whoever wants to know: one stream for all clients together, and how
// many of them want each resource's updates. A server of the new revision is asked by one
// `subscriptions/listen`, made anew when the wishes change (the old one ends when the new one is
// acknowledged); an old one by its session's stream and `resources/subscribe`. Home shard of the server.
// Source: MCP 2026-07-28 basic/patterns/subscriptions; MCP 2025-11-25 server/resources, "Subscriptions".
#pragma once

#include <functional>
#include <map>
#include <memory>
#include <set>
#include <string>

#include "runtime/nursery.h"
#include "transport/transport.h"

namespace weir {

class Watch {
 public:
  /// `transport` gives the home shard's; `stray` gets what comes; `lost` is told when the server has
  /// forgotten the session.
  Watch(std::function<Transport&()> transport, StrayMessage stray, std::function<void()> lost);
  ~Watch();

  /// The server is known as `peer` from now on: begins to listen, with all that is wanted.
  void begin(std::shared_ptr<const Peer> peer);
  /// The server is lost, or to be left.
  void end();
  /// One more wants to hear of a resource. True once the server has agreed; false if it does not, or not in
  /// time.
  Task<bool> add(const std::string& uri, TimePoint deadline, CancelScope& cancel);
  /// One less.
  void remove(const std::string& uri);
  /// Ends all.
  Task<void> close();

 private:
  struct Listening;
  std::string filter() const;
  void renew();
  Task<void> listen(std::shared_ptr<Listening> one);
  Task<bool> listen_once(std::shared_ptr<Listening> one);
  Task<void> listen_old(std::shared_ptr<Listening> one);
  Task<void> forget(std::string uri);
  void acknowledged(Listening& one, const Message& message);
  bool agreed(const std::string& uri) const;
  void wake_all();
  Task<bool> ask(const std::string& uri, TimePoint deadline, CancelScope& cancel);

  const std::function<Transport&()> transport_;
  const StrayMessage stray_;
  const std::function<void()> lost_;
  std::shared_ptr<const Peer> peer_;
  std::map<std::string, unsigned> uris_;  // how many want each
  std::set<std::string> agreed_;          // by an old server
  std::shared_ptr<Listening> now_;        // acknowledged, or the only one
  std::shared_ptr<Listening> next_;       // not acknowledged yet
  std::vector<Waiter*> waiting_;
  CancelScope stop_;
  Nursery fibers_;
};

}  // namespace weir
