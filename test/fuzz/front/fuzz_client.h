// A client that does what a script says, on as many connections as it takes, and looks at every byte that
// comes back.
#pragma once

#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "fuzz/front/script.h"
#include "runtime/nursery.h"
#include "sim/plain_http.h"
#include "sim/sim_world.h"

namespace weir::fuzz {

class FuzzClient {
 public:
  /// What all clients of one run share.
  struct Shared {
    SocketAddress gateway;
    Marks& marks;
    std::vector<std::string>& violations;
    bool rests;  // clients stay until the gateway ends their connections, though all is answered
  };
  FuzzClient(sim::World& world, std::size_t slot, Shared shared)
      : world_(world), slot_(slot), shared_(shared) {}

  /// Does all steps, waits until the gateway has ended every connection, and judges what came.
  Task<void> run(std::vector<ClientStep> steps);

 private:
  /// One connection.
  struct Line {
    std::optional<sim::PlainHttp> http;
    std::string received;   // once it has ended
    std::size_t asked = 0;  // requests that were framed here
    bool raw = false;  // bytes were sent besides: where an answer ends cannot be told, by HEAD it has no body
    bool late = false;  // written to when it had nearly rested too long: it may have ended on the way
    TimePoint used{};
    bool left = false;  // by the client
    bool ended = false;
    CancelScope stop;
    Nursery reader;
    std::string_view all() const { return http ? http->surplus() : std::string_view(received); }
  };
  Task<Line*> line();
  Task<void> listen(Line& line);
  Task<void> leave(Line& line, bool reset);
  Task<void> write(const ClientStep& step);
  Task<void> wait_end(Line& line);
  Task<std::string> filled(std::string text);
  std::string found_behind(std::string_view mark) const;
  std::string framed(const std::string& text) const;
  /// What has come on a connection, as answers.
  struct Heard {
    std::size_t answers = 0;
    bool closes = false;  // the last says that it is, or was cut
    std::string fault;    // empty: all of it is HTTP
  };
  Heard heard(std::string_view received);
  bool answered(const Line& line);
  void judge(const Line& line);
  void judge_body(const PlainResponse& response);
  void blame(const std::string& what, std::string_view text);
  Task<void> sleep(Duration time) { (void)co_await Sleep(world_.now() + time, nullptr); }

  sim::World& world_;
  const std::size_t slot_;
  Shared shared_;
  std::vector<std::unique_ptr<Line>> lines_;
};

}  // namespace weir::fuzz
