// A scripted client that is asked: it answers, declines, answers late, twice, for others or never, gives up
// in the middle, and looks at whether each question belongs to its call.
#pragma once

#include <map>
#include <string>
#include <vector>

#include "mcp/message.h"
#include "runtime/nursery.h"
#include "sim/plain_http.h"
#include "sim/sim_world.h"

namespace weir::sim {

/// What all clients of such a storm have seen.
struct AskTally {
  int asked = 0;
  int results = 0;
  int questions = 0;
  int parked = 0;                      // input_required results
  int events = 0;                      // of listeners
  std::map<std::string, int> reasons;  // of errors
  std::vector<std::string> stale;      // sealed states that anybody may try
  std::vector<std::string> violations;
};

class AskingClient {
 public:
  struct Options {
    int number = 0;
    SocketAddress gateway;
    std::vector<std::string> servers;
    bool old_era = false;
    int calls = 12;
    bool may_lose = false;  // the gateway closes in the middle
    Duration patience{};    // for one silence
  };
  AskingClient(World& world, Options options, AskTally& tally)
      : world_(world), options_(std::move(options)), tally_(tally) {}

  Task<void> run();

 private:
  using Http = std::unique_ptr<PlainHttp>;
  Task<Http> connect();
  Task<bool> open_session();
  Task<void> end_session();
  Task<void> lane(int calls);
  Task<void> old_call();
  Task<void> new_call();
  Task<void> answer(std::string raw_id, std::string nonce, std::string result, Duration after);
  Task<void> once_more(std::string text, std::string nonce);
  bool judge_last(std::string_view json, const std::string& nonce);
  void foreign(std::string_view text, const std::string& nonce);
  std::string post(std::string_view fields, std::string_view body) const;
  std::string call_text(const std::string& nonce, const std::string& server, std::string_view extra) const;
  std::string answer_to(std::string_view method, const std::string& nonce);
  std::string next_nonce();
  void blame(const std::string& what, const std::string& text = {});
  void lost(const std::string& what, const std::string& text = {}) {
    if (!options_.may_lose) blame(what, text);
  }
  std::size_t draw(std::size_t bound) { return static_cast<std::size_t>(world_.random()() % bound); }
  bool chance(unsigned percent) { return draw(100) < percent; }
  Task<void> sleep(Duration time) { (void)co_await Sleep(world_.now() + time, nullptr); }

  World& world_;
  Options options_;
  AskTally& tally_;
  std::string session_;
  int next_ = 0;
  int next_id_ = 1;
  Nursery aside_;
};

}  // namespace weir::sim
