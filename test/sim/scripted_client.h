// A client of the gateway on the simulated network: calls with ids that others use too, gives up, talks
// garbage, and looks at every byte that comes back.
#pragma once

#include <functional>
#include <map>
#include <optional>
#include <string>
#include <vector>

#include "runtime/nursery.h"
#include "sim/plain_http.h"
#include "sim/sim_world.h"

namespace weir::sim {

/// What all clients of a storm have seen.
struct Tally {
  int asked = 0;  // calls that were sent and waited for
  int results = 0;
  int given_up = 0;
  int garbage = 0;
  int progress = 0;
  std::map<std::string, int> reasons;  // of errors
  std::vector<std::string> violations;
};

class ScriptedClient {
 public:
  struct Options {
    int number = 0;
    SocketAddress gateway;
    std::vector<std::string> servers;
    bool old_era = false;
    int calls = 25;
    bool wild = true;       // gives up and talks garbage besides
    bool may_lose = false;  // the gateway closes in the middle: no answer is an answer
    bool in_vain = true;    // errors are answers; false: every call must succeed
    Duration timeout{};     // what the gateway is set to wait for a server
    Duration learn_time{};  // and before that, to find a name
    /// A call is about to be made of this server; may be empty.
    std::function<void(const std::string& nonce, const std::string& server)> asking;
  };
  ScriptedClient(World& world, Options options, Tally& tally)
      : world_(world), options_(std::move(options)), tally_(tally) {}

  Task<void> run();

 private:
  /// One call as it was sent.
  struct Asked {
    std::string id;     // raw
    std::string token;  // raw; empty: none
    std::string nonce;
    bool bare = false;  // by a name without prefix, which may not be known
    std::string text;   // the whole HTTP request
  };
  Task<bool> connect();
  Task<void> one_round();
  Task<void> ask(std::size_t count);
  Task<void> give_up();
  Task<void> talk_garbage();
  Task<bool> open_session();
  Task<void> cancel_later(std::string id, Duration after);
  Asked make(bool alone);
  std::string post(std::string_view path, std::string_view fields, std::string_view body) const;
  void judge(const Asked& asked, const PlainMessage& answer);
  void judge_message(const Asked& asked, std::string_view json, bool last);
  void lost(const std::string& what, const std::string& text = {});
  void blame(const std::string& what, const std::string& text = {});
  std::size_t draw(std::size_t bound) { return static_cast<std::size_t>(world_.random()() % bound); }
  bool chance(unsigned percent) { return draw(100) < percent; }
  Duration patience() const {
    return options_.timeout + options_.learn_time + std::chrono::milliseconds(500);
  }

  World& world_;
  Options options_;
  Tally& tally_;
  std::optional<PlainHttp> http_;
  std::string session_;
  int next_ = 0;
  Nursery aside_;
};

}  // namespace weir::sim
