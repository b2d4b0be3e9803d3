// A scripted MCP server that tells of changes: to a new listener what its filter names, to an old session
// whatever it likes on the GET stream, rudely also of resources that nobody asked for. Its resources are
// `res://NAME/0` to 4, of which the last is never listed nor agreed to.
#pragma once

#include <map>
#include <memory>
#include <set>
#include <string>
#include <vector>

#include "mcp/message.h"
#include "sim/plain_http.h"
#include "sim/sim_world.h"

namespace weir::sim {

class TellingUpstream {
 public:
  static constexpr int kResources = 4;
  struct Options {
    std::string name;
    SocketAddress address;
    bool old_era = false;
  };
  TellingUpstream(World& world, Options options) : world_(world), options_(std::move(options)) {}

  /// Serves, and tells of changes now and then, until `stop`.
  Task<void> serve(CancelScope& stop);
  /// From now on it says nothing of its own accord and cuts nothing.
  void calm() noexcept { calm_ = true; }
  /// Tells every stream that wants to know that this resource was updated.
  void update(int resource);
  std::string uri(int resource) const;
  /// How often it has told of anything.
  int told() const noexcept { return told_; }
  const std::vector<std::string>& violations() const noexcept { return violations_; }

 private:
  /// One open stream of events, and what is to be written to it.
  struct Ear {
    std::string id;       // of the listen, raw; empty: an old session's stream
    std::string session;  // an old one's
    std::string filter;   // as it was asked for
    std::vector<std::string> queue;
    Waiter filled;
    bool cut = false;
  };
  Task<void> tell(CancelScope& stop);
  Task<void> connection(std::unique_ptr<Stream> stream, CancelScope& stop);
  Task<bool> take(PlainHttp& http, const PlainMessage& request, CancelScope& stop);
  Task<void> stream_to(PlainHttp& http, std::shared_ptr<Ear> ear, CancelScope& stop);
  std::string answer_to(const Message& message, const std::string& session);
  void say(Ear& to, std::string_view method, std::string_view params);
  bool wants(const Ear& ear, std::string_view what) const;
  void tell_all(std::string_view method, std::string_view what, const std::string& uri);
  std::size_t draw(std::size_t bound) { return static_cast<std::size_t>(world_.random()() % bound); }
  void blame(std::string what) { violations_.push_back(options_.name + ": " + std::move(what)); }

  World& world_;
  Options options_;
  std::vector<std::shared_ptr<Ear>> ears_;
  std::map<std::string, std::set<std::string>> sessions_;  // an old one's, with its subscriptions
  int next_session_ = 1;
  int told_ = 0;
  bool calm_ = false;
  std::vector<std::string> violations_;
};

}  // namespace weir::sim
