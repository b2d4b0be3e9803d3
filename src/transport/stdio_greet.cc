// How a stdio server is asked who it is, within one process: `server/discover` first; an error, or silence,
// means the era of `initialize`. A slow start is no silence: whichever answer comes first counts.
#include "mcp/outgoing.h"
#include "runtime/shard.h"
#include "transport/stdio.h"

namespace weir {
namespace {

auto upstream_fault(Error::Kind kind, std::string detail) {
  return fail(kind, Error::Side::upstream, Error::Sent::no, std::move(detail));
}

}  // namespace

Task<Result<Message>> Stdio::wait_response(Pending& pending, TimePoint deadline, CancelScope& cancel) {
  while (true) {
    Result<Message> message = co_await next_event(pending, deadline, cancel);
    if (!message) co_return fail(message.error());
    if (message->is_response()) co_return message;
  }
}

// Both hang on one waiter while the handshake is open: the second's wakes go to the first.
Task<Wake> Stdio::wait_either(Pending& a, Pending& b, TimePoint deadline, CancelScope& cancel) {
  while (a.events.empty() && b.events.empty() && !a.failed && !b.failed) {
    const TimePoint step = std::min(deadline, shard_.now() + std::chrono::milliseconds(10));
    const Wake wake = co_await a.waiter.wait(step, &cancel);
    if (wake == Wake::cancelled) co_return wake;
    if (wake == Wake::deadline && shard_.now() >= deadline) co_return wake;
  }
  co_return Wake::ready;
}

Task<Result<std::shared_ptr<const Peer>>> Stdio::shake_hands(TimePoint deadline, CancelScope& cancel) {
  Life& life = *life_;
  auto peer = std::make_shared<Peer>();
  Pending discover;
  Pending initialize;
  const std::string discover_id = std::to_string(next_id_++);
  const std::string initialize_id = std::to_string(next_id_++);
  struct Forget {
    Stdio& owner;
    const std::string& a;
    const std::string& b;
    ~Forget() {
      owner.forget(a, false);
      owner.forget(b, false);
    }
  } forget{*this, discover_id, initialize_id};
  life.pending.emplace(discover_id, &discover);
  life.pending.emplace(initialize_id, &initialize);
  if (!legacy_) {
    put(life, discover_request(discover_id));
    const TimePoint patience = std::min(deadline, shard_.now() + options_.probe_time);
    Result<Message> answer = co_await wait_response(discover, patience, cancel);
    if (!answer && answer.error().kind() != Error::Kind::deadline_exceeded) co_return fail(answer.error());
    if (answer && answer->kind() == Message::Kind::result) {
      Result<ServerFacts> facts = read_discover(answer->result());
      if (!facts) co_return fail(facts.error());
      peer->facts = std::move(*facts);
      co_return std::shared_ptr<const Peer>(std::move(peer));
    }
    const int code = answer ? error_code(answer->error()) : 0;
    if (classify_probe(200, false, code) == ProbeVerdict::modern)
      co_return upstream_fault(Error::Kind::upstream_protocol,
                               "it speaks a revision of MCP that Weir does not");
  }
  put(life, initialize_request(initialize_id));
  while (true) {
    const Wake wake = co_await wait_either(initialize, discover, deadline, cancel);
    if (wake == Wake::deadline)
      co_return upstream_fault(Error::Kind::deadline_exceeded,
                               "it answered neither server/discover nor initialize");
    if (wake == Wake::cancelled) co_return upstream_fault(Error::Kind::cancelled, "given up");
    if (discover.events.empty()) break;
    Result<Message> late = co_await wait_response(discover, deadline, cancel);
    if (!late || late->kind() != Message::Kind::result) continue;
    Result<ServerFacts> facts = read_discover(late->result());
    if (!facts) co_return fail(facts.error());
    peer->facts = std::move(*facts);
    co_return std::shared_ptr<const Peer>(std::move(peer));
  }
  Result<Message> answer = co_await wait_response(initialize, deadline, cancel);
  if (!answer) co_return fail(answer.error());
  if (answer->kind() != Message::Kind::result)
    co_return upstream_fault(Error::Kind::upstream_protocol, "it refused server/discover and initialize");
  Result<ServerFacts> facts = read_initialize(answer->result());
  if (!facts) co_return fail(facts.error());
  legacy_ = true;
  peer->facts = std::move(*facts);
  put(life, initialized_notification());
  co_return std::shared_ptr<const Peer>(std::move(peer));
}

}  // namespace weir
