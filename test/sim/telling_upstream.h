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
#include "sim/sim_upstream.h"

namespace weir::sim {

class TellingUpstream final : public SimUpstream {
 public:
  static constexpr int kResources = 4;
  struct Options {
    std::string name;
    SocketAddress address;
    bool old_era = false;
  };
  TellingUpstream(World& world, Options options)
      : SimUpstream(world, options.name, options.address), options_(std::move(options)) {}

  /// Tells of changes now and then, until `stop`.
  Task<void> tell(CancelScope& stop);
  /// From now on it says nothing of its own accord and cuts nothing.
  void calm() noexcept { calm_ = true; }
  /// Tells every stream that wants to know that this resource was updated.
  void update(int resource);
  std::string uri(int resource) const;
  /// How often it has told of anything.
  int told() const noexcept { return told_; }

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
  Task<bool> take(PlainHttp& http, const PlainMessage& request, CancelScope& stop) override;
  Task<void> stream_to(PlainHttp& http, std::shared_ptr<Ear> ear, CancelScope& stop);
  std::string answer_to(const Message& message, const std::string& session);
  void say(Ear& to, std::string_view method, std::string_view params);
  bool wants(const Ear& ear, std::string_view what) const;
  void tell_all(std::string_view method, std::string_view what, const std::string& uri);

  Options options_;
  std::vector<std::shared_ptr<Ear>> ears_;
  std::map<std::string, std::set<std::string>> sessions_;  // an old one's, with its subscriptions
  int next_session_ = 1;
  int told_ = 0;
  bool calm_ = false;
};

}  // namespace weir::sim
