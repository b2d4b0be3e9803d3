// A scripted client that listens: with a filter over and over in the new era, with a session's GET stream and
// `resources/subscribe` in the old one. It judges that it hears what it asked for, and nothing else.
#pragma once

#include <set>
#include <string>
#include <vector>

#include "mcp/message.h"
#include "sim/plain_http.h"
#include "sim/sim_world.h"

namespace weir::sim {

/// What all listeners of a storm have heard.
struct HearTally {
  int listens = 0;
  int lists = 0;    // list_changed
  int updates = 0;  // of resources
  int cuts = 0;     // streams that ended before the client wanted it
  std::vector<std::string> violations;
};

class ListeningClient {
 public:
  struct Options {
    int number = 0;
    SocketAddress gateway;
    std::vector<std::string> uris;     // all that may be asked for
    std::vector<std::string> foreign;  // what nobody may hear of
    bool old_era = false;
    bool may_lose = false;  // the gateway closes in the middle
  };
  ListeningClient(World& world, Options options, HearTally& tally)
      : world_(world), options_(std::move(options)), tally_(tally) {}

  /// Listens, again and again, until told to leave.
  Task<void> run();
  /// Stops choosing anew: what it listens to from here on it listens to until leave(). It reads at once.
  void settle() noexcept { settled_ = true; }
  void leave() noexcept { stop_.cancel(); }
  /// What it was promised in the stream that it reads at present, or has subscribed to; empty: it has none.
  const std::set<std::string>& promised() const noexcept { return promised_; }
  /// What it has heard of since forget_heard().
  const std::set<std::string>& heard() const noexcept { return heard_; }
  void forget_heard() { heard_.clear(); }

 private:
  using Http = std::unique_ptr<PlainHttp>;
  Task<Http> connect();
  Task<void> listen_new();
  Task<void> listen_old();
  Task<PlainMessage> post(std::string fields, std::string body);
  Task<void> read(PlainHttp& http, TimePoint until);
  void take(std::string_view json);
  void take_new(const Message& message);
  std::vector<std::string> choose();
  void blame(const std::string& what, std::string_view text = {});
  std::size_t draw(std::size_t bound) { return static_cast<std::size_t>(world_.random()() % bound); }

  World& world_;
  Options options_;
  HearTally& tally_;
  CancelScope stop_;
  bool settled_ = false;
  std::string id_;  // of the listen, raw
  bool acknowledged_ = false;
  std::set<std::string> asked_;  // URIs and list fields
  std::set<std::string> promised_;
  std::set<std::string> heard_;
  int next_id_ = 1;
};

}  // namespace weir::sim
