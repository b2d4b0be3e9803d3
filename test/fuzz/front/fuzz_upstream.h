// A server that answers as a script says, and well where it says nothing; and looks at what it is sent.
#pragma once

#include <deque>
#include <map>
#include <string>
#include <string_view>
#include <vector>

#include "fuzz/front/script.h"
#include "fuzz/plain_json.h"
#include "sim/sim_upstream.h"

namespace weir::fuzz {

class FuzzUpstream final : public sim::SimUpstream {
 public:
  struct Options {
    std::string name;
    SocketAddress address;
    bool old_era = false;
  };
  FuzzUpstream(sim::World& world, Options options, const std::vector<ServerAnswer> (&answers)[kAskedKinds]);

 private:
  /// One request, taken apart.
  struct Request {
    const sim::PlainMessage& http;
    PlainJson body;
    std::string id;     // raw; empty: a notification
    std::string marks;  // of the client that asks, if any
    std::string method;
  };
  Task<bool> take(sim::PlainHttp& http, const sim::PlainMessage& message, CancelScope& stop) override;
  Task<bool> play(sim::PlainHttp& http, const ServerAnswer& answer, const Request& request,
                  CancelScope& stop);
  Task<bool> behave(sim::PlainHttp& http, const Request& request, CancelScope& stop);
  bool look_at(const sim::PlainMessage& message, const Request& request);
  std::string good_result(const Request& request) const;

  const Options options_;
  std::deque<ServerAnswer> answers_[kAskedKinds];
  std::map<std::string, int> answered_well_;  // calls by their marks
  int sessions_ = 0;
};

}  // namespace weir::fuzz
