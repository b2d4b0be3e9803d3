// An MCP server on the simulated network that behaves as its seed says: well most of the time, badly in all
// the ways that servers know. It counts how often each call has reached it.
#pragma once

#include <functional>
#include <map>
#include <set>
#include <string>
#include <vector>

#include "mcp/message.h"
#include "sim/sim_upstream.h"

namespace weir::sim {

class ScriptedUpstream final : public SimUpstream {
 public:
  struct Options {
    std::string name;
    SocketAddress address;
    bool old_era = false;
    unsigned trouble = 30;                                  // of a hundred calls, so many go wrong
    Duration timeout{};                                     // what the gateway is set to wait
    std::function<void()> turned_away;                      // an introduction goes wrong; may be empty
    std::function<void(const std::string& nonce)> arrived;  // a call came in whole; may be empty
  };
  /// How all that it is sent fares while it is ill.
  enum class Illness : std::uint8_t { none, hangs, resets, busy, garbage };
  ScriptedUpstream(World& world, Options options)
      : SimUpstream(world, options.name, options.address), options_(std::move(options)) {}

  /// From now on it behaves well.
  void calm() noexcept {
    options_.trouble = 0;
    illness_ = Illness::none;
  }
  /// From now on it is ill, or none of that; `calls_only`: who asks whether it is there is told that it is.
  void fall_ill(Illness illness, bool calls_only) noexcept {
    illness_ = illness;
    calls_only_ = calls_only;
  }
  /// It is started anew: it knows no session.
  void forget_sessions() noexcept { sessions_.clear(); }
  const Options& options() const noexcept { return options_; }
  /// How often the call with each nonce came in whole.
  const std::map<std::string, int>& seen() const noexcept { return seen_; }
  /// How often each act was played.
  const std::map<std::string, int>& played() const noexcept { return played_; }

 private:
  /// One call to answer.
  struct Ask {
    std::string id;     // raw
    std::string token;  // raw; empty: none
    std::string nonce;
    std::size_t large = 0;  // how much the result is padded
  };
  using Act = Task<bool> (ScriptedUpstream::*)(PlainHttp&, const Ask&, CancelScope&);
  struct Row {
    const char* name;
    Act act;
    bool good;
    bool closes = false;  // and may take the next call with it
  };
  static const std::vector<Row>& rows();

  Task<bool> take(PlainHttp& http, const PlainMessage& request, CancelScope& stop) override;
  Task<bool> be_ill(PlainHttp& http, CancelScope& stop);
  Task<bool> greet(PlainHttp& http, const Message& message, CancelScope& stop);
  Task<bool> list(PlainHttp& http, const Message& message, CancelScope& stop);
  Task<bool> call(PlainHttp& http, const Message& message, CancelScope& stop);

  // The acts; false: the connection has ended.
  Task<bool> json(PlainHttp& http, const Ask& ask, CancelScope& stop);
  Task<bool> json_in_parts(PlainHttp& http, const Ask& ask, CancelScope& stop);
  Task<bool> chunked(PlainHttp& http, const Ask& ask, CancelScope& stop);
  Task<bool> events(PlainHttp& http, const Ask& ask, CancelScope& stop);
  Task<bool> slow_events(PlainHttp& http, const Ask& ask, CancelScope& stop);
  Task<bool> noisy_events(PlainHttp& http, const Ask& ask, CancelScope& stop);
  Task<bool> then_closes(PlainHttp& http, const Ask& ask, CancelScope& stop);
  Task<bool> tool_error(PlainHttp& http, const Ask& ask, CancelScope& stop);
  Task<bool> slow(PlainHttp& http, const Ask& ask, CancelScope& stop);
  Task<bool> never(PlainHttp& http, const Ask& ask, CancelScope& stop);
  Task<bool> progress_then_never(PlainHttp& http, const Ask& ask, CancelScope& stop);
  Task<bool> reset_at_once(PlainHttp& http, const Ask& ask, CancelScope& stop);
  Task<bool> reset_in_the_middle(PlainHttp& http, const Ask& ask, CancelScope& stop);
  Task<bool> cut_events(PlainHttp& http, const Ask& ask, CancelScope& stop);
  Task<bool> garbage(PlainHttp& http, const Ask& ask, CancelScope& stop);
  Task<bool> foreign_id(PlainHttp& http, const Ask& ask, CancelScope& stop);
  Task<bool> foreign_event(PlainHttp& http, const Ask& ask, CancelScope& stop);
  Task<bool> says_too_much(PlainHttp& http, const Ask& ask, CancelScope& stop);
  Task<bool> says_more_later(PlainHttp& http, const Ask& ask, CancelScope& stop);
  Task<bool> refuses(PlainHttp& http, const Ask& ask, CancelScope& stop);

  Task<bool> pause(Duration longest, CancelScope& stop);
  Task<bool> progress(PlainHttp& http, const Ask& ask, int steps, Duration gap, CancelScope& stop);
  Ask other(const Ask& ask);
  Ask stale(const Ask& ask);
  std::string result(const Ask& ask) const;

  std::string nonce_of(const Message& call);
  std::string session_prefix() const;

  Options options_;
  Illness illness_ = Illness::none;
  bool calls_only_ = false;
  std::map<std::string, int> seen_;
  std::map<std::string, int> played_;
  std::map<std::string, Ask> open_;  // calls that wait for an answer, by nonce
  std::set<std::string> sessions_;
  int next_session_ = 1;
};

}  // namespace weir::sim
