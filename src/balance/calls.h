// What the caller of a picker keeps in an endpoint's facts, beside the count in flight that `Counted` holds:
// that it was picked, and whether it owes an answer. Any shard, for each call that pick() chose it for.
#pragma once

#include "call/endpoint_facts.h"
#include "runtime/time.h"

namespace weir {

/// A call goes to the endpoint. Called after pick() and before the call is counted in flight.
inline void begin_call(EndpointFacts& facts, TimePoint now) noexcept {
  facts.picked.fetch_add(1, std::memory_order_relaxed);
  if (facts.in_flight.load(std::memory_order_relaxed) == 0)
    facts.owes_since.store(facts_time(now), std::memory_order_relaxed);
}

/// The endpoint has answered something: a response, or an event or a notification on the way to one. It owes
/// nothing for now, whatever else is under way: of a call that it is silent on alone, deadlines take care.
inline void answered(EndpointFacts& facts, TimePoint now) noexcept {
  facts.owes_since.store(facts_time(now), std::memory_order_relaxed);
  facts.due_at.store(0, std::memory_order_relaxed);
}

}  // namespace weir
