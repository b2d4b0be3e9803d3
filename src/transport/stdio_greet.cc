// How a stdio server is asked who it is, within one process: `server/discover` first; an error, or silence,
// means the era of `initialize`. A slow start is no silence: a ping tells one from the other.
#include <algorithm>

#include "mcp/outgoing.h"
#include "runtime/shard.h"
#include "transport/stdio.h"

namespace weir {
namespace {

auto upstream_fault(Error::Kind kind, std::string detail) {
  return fail(kind, Error::Side::upstream, Error::Sent::no, std::move(detail));
}

Result<std::shared_ptr<const Peer>> known(Probed probed) {
  if (!probed.facts) return fail(probed.facts.error());
  auto peer = std::make_shared<Peer>();
  peer->facts = std::move(*probed.facts);
  return std::shared_ptr<const Peer>(std::move(peer));
}

}  // namespace

Task<Result<Message>> Stdio::wait_response(Pending& pending, TimePoint deadline, CancelScope& cancel) {
  while (true) {
    Result<Message> message = co_await life_->talk->next_event(pending, deadline, cancel);
    if (!message) co_return fail(message.error());
    if (message->is_response()) co_return message;
  }
}

// Any of them, or the deadline. The handshake is rare: it looks every few milliseconds.
Task<Wake> Stdio::wait_any(std::span<Pending* const> all, TimePoint deadline, CancelScope& cancel) {
  const auto told = [](const Pending* one) { return !one->events.empty() || one->failed; };
  while (std::none_of(all.begin(), all.end(), told)) {
    const TimePoint step = std::min(deadline, shard_.now() + std::chrono::milliseconds(10));
    const Wake wake = co_await all.front()->waiter.wait(step, &cancel);
    if (wake == Wake::cancelled) co_return wake;
    if (wake == Wake::deadline && shard_.now() >= deadline) co_return wake;
  }
  co_return Wake::ready;
}

Task<Result<std::shared_ptr<const Peer>>> Stdio::shake_hands(const Introduction& as, TimePoint deadline,
                                                             CancelScope& cancel) {
  Life& life = *life_;
  Pending discover;
  Pending discover_again;
  Pending ping;
  Pending initialize;
  struct Asked {
    Asked(Stdio& stdio, Pending& pending) : talk(stdio.life_->talk), id(std::to_string(stdio.next_id_++)) {
      talk->expect(id, pending);
    }
    ~Asked() { talk->forget(id, false); }
    const std::shared_ptr<Conversation> talk;
    const std::string id;
  };
  const Asked discovering(*this, discover);
  const Asked discovering_again(*this, discover_again);
  const Asked pinging(*this, ping);
  const Asked initializing(*this, initialize);
  Revision wanted = kNewestOld;
  if (!legacy_) {
    life.put(discover_request(discovering.id), {});
    Pending* const asked[] = {&discover, &ping};
    Wake wake = co_await wait_any(std::span(asked, 1), std::min(deadline, shard_.now() + options_.probe_time),
                                  cancel);
    if (wake == Wake::deadline) {
      // It may be slow to start, or of the old era and silent. `initialize` now would make an old one of a
      // server that has not yet read the question; the answer to a ping tells that it has.
      life.put(probing_ping(pinging.id), {});
      const TimePoint patience = std::min(deadline, shard_.now() + options_.start_time);
      wake = co_await wait_any(asked, patience, cancel);
      if (wake == Wake::ready && discover.events.empty() && !discover.failed)
        wake = co_await wait_any(std::span(asked, 1), std::min(deadline, shard_.now() + options_.settle_time),
                                 cancel);
    }
    if (wake == Wake::cancelled) co_return upstream_fault(Error::Kind::cancelled, "given up");
    if (!discover.events.empty() || discover.failed) {
      Result<Message> answer = co_await wait_response(discover, deadline, cancel);
      if (!answer) co_return fail(answer.error());
      Probed probed = read_probe(200, &*answer);
      if (probed.again) {
        life.put(discover_request(discovering_again.id), {});
        answer = co_await wait_response(discover_again, deadline, cancel);
        if (!answer) co_return fail(answer.error());
        probed = read_probe(200, &*answer);
      }
      if (probed.verdict != ProbeVerdict::legacy) co_return known(probed);
      wanted = probed.wanted;
    }
  }
  Introduction in_its_revision = as;
  in_its_revision.revision = std::min(as.revision, wanted);
  life.put(initialize_request(initializing.id, in_its_revision), {});
  const Result<Message> answer = co_await wait_response(initialize, deadline, cancel);
  if (!answer && answer.error().kind() == Error::Kind::deadline_exceeded)
    co_return upstream_fault(Error::Kind::deadline_exceeded,
                             "it answered neither server/discover nor initialize");
  if (!answer) co_return fail(answer.error());
  if (answer->kind() != Message::Kind::result) {
    // Of the new era alone, and slower than all patience.
    if (!discover.events.empty()) {
      const Probed late = read_probe(200, &discover.events.front());
      if (late.facts) co_return known(late);
    }
    co_return upstream_fault(Error::Kind::upstream_protocol, "it refused server/discover and initialize");
  }
  // An answer to `server/discover` that comes now is late: it has been told the old era.
  Result<ServerFacts> facts = read_initialize(answer->result());
  if (!facts) co_return fail(facts.error());
  legacy_ = true;
  auto peer = std::make_shared<Peer>();
  peer->facts = std::move(*facts);
  life.put(initialized_notification(), {});
  co_return std::shared_ptr<const Peer>(std::move(peer));
}

}  // namespace weir
