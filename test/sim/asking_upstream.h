// A scripted MCP server that asks its clients: an old one by requests inside the call's stream, several at
// once and with ids that its other sessions use too; a new one by `input_required` results, round after
// round. Each question carries the nonce of its call, each answer must bring the same one.
#pragma once

#include <map>
#include <set>
#include <string>
#include <vector>

#include "mcp/message.h"
#include "sim/sim_upstream.h"

namespace weir::sim {

class AskingUpstream final : public SimUpstream {
 public:
  struct Options {
    std::string name;
    SocketAddress address;
    bool old_era = false;
    unsigned trouble = 15;  // of a hundred calls, so many are cut
  };
  AskingUpstream(World& world, Options options)
      : SimUpstream(world, options.name, options.address), options_(std::move(options)) {}

  const Options& options() const noexcept { return options_; }
  int questions() const noexcept { return questions_; }
  int answers() const noexcept { return answers_; }

 private:
  /// What an old session was asked and has not answered.
  struct Question {
    std::string nonce;
    bool answered = false;
    bool taken_back = false;
  };
  struct OldSession {
    int next_id = 1;
    std::map<std::string, Question> open;  // by raw id; kept when answered
  };

  Task<bool> take(PlainHttp& http, const PlainMessage& request, CancelScope& stop) override;
  Task<bool> greet(PlainHttp& http, const Message& message, CancelScope& stop);
  Task<bool> call_old(PlainHttp& http, const Message& message, const std::string& session, CancelScope& stop);
  Task<bool> call_new(PlainHttp& http, const Message& message, CancelScope& stop);
  void heard(const std::string& session, const Message& answer);
  void check(std::string_view answer, const std::string& nonce);
  std::string result(std::string_view id, const std::string& nonce) const;

  Options options_;
  std::map<std::string, OldSession> sessions_;
  int next_session_ = 1;
  int questions_ = 0;
  int answers_ = 0;
};

}  // namespace weir::sim
