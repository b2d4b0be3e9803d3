// A reply's way back: the client's own ids and tokens put on, what is not for this client left out, what the
// server asks brought to the client and its answer sent back. One reply, one shard.
#pragma once

#include <map>
#include <string>

#include "front/visit.h"
#include "gateway/router.h"
#include "mcp/outgoing.h"

namespace weir {

class Relay {
 public:
  /// All references outlive it; `made` is what the response is made with.
  Relay(Visit& visit, ClientCall& call, Answer& answer, const OutgoingAnswer& made);
  ~Relay();
  Relay(const Relay&) = delete;
  Relay& operator=(const Relay&) = delete;

  /// Relays the reply to its end.
  Task<void> run();

 private:
  /// Shared with the answers under way, which may come when the reply has ended.
  struct Open;
  bool wanted(const Message& notification) const;
  Task<bool> pass(const Message& notification);
  Task<bool> ask(ReplyEvent event);
  Task<bool> withdraw(const Message& cancelled);
  Task<void> read_on();
  Task<void> give_up_expired();
  TimePoint until() const;

  Visit& visit_;
  ClientCall& call_;
  Answer& answer_;
  const OutgoingAnswer& made_;
  const std::string_view token_;
  unsigned asked_ = 0;
  std::map<std::string, TimePoint> asks_;  // ours, by the id the client knows
  std::shared_ptr<Open> open_;
  bool whole_ = false;
};

/// What a response is made with. Views into `call` and `answer`.
OutgoingAnswer outgoing_answer(const ClientCall& call, const Answer& answer);
/// Why an answer that has come is not given to its client.
Error no_room_for_answer();
/// An answer that came whole is held until its client has read it. False: that is more than the client's
/// share of the memory, and `answer` says so now; what was called under a key is kept all the same.
bool hold_answer(Visit& visit, const ClientCall& call, Answer& answer, const Message& response);
/// Sets the answer's outcome from its response.
void note_outcome(Answer& answer, const ClientCall& call, const Message& response);
/// The configured name of the server that answered; empty if it is configured no more.
std::string_view server_name(const ClientCall& call, const Answer& answer);

}  // namespace weir
