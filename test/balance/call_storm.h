// A discrete-event simulation of calls to a server's endpoints: they come at random, whatever becomes of them
// (open loop), are picked for, and end by what their endpoint is like at that time. No real time passes.
#pragma once

#include <cmath>
#include <functional>
#include <map>
#include <utility>
#include <vector>

#include "balance/crowd.h"

namespace weir {

class CallStorm {
 public:
  /// How an endpoint treats calls.
  struct Manner {
    double slower = 1;   // factor of all times
    bool fails = false;  // at once
    bool hangs = false;  // answers nothing, not what it has begun either
  };
  /// A tool: what part of the calls it is, and how long it takes; either half is fixed, the rest chance.
  struct Tool {
    double part;
    double milliseconds;
  };

  CallStorm(std::size_t size, std::uint64_t seed, std::vector<std::uint32_t> weights = {})
      : crowd(size, std::move(weights), seed), manners(size), picked(size) {
    crowd.remake(LoadBalancingConfig::Strategy::adaptive_latency);
  }

  /// Lets `seconds` pass; `picked` then counts the calls begun in them.
  void run(double seconds) {
    picked.assign(picked.size(), 0);
    const TimePoint end = crowd.now + duration(seconds);
    while (crowd.now < end) {
      if (next_call_ <= crowd.now) next_call_ = crowd.now + duration(gap());
      if (!events_.empty() && events_.begin()->first <= next_call_) {
        auto event = events_.extract(events_.begin());
        crowd.now = event.key();
        event.mapped()();
      } else {
        crowd.now = next_call_;
        begin();
      }
    }
  }
  /// What part of its fair share `place` got in the last run().
  double of_fair(std::size_t place) const {
    double total = 0;
    for (const double count : picked) total += count;
    return picked[place] * static_cast<double>(picked.size()) / total;
  }

  Crowd crowd;
  std::vector<Manner> manners;
  std::vector<Tool> tools = {{1, 10}};
  double rate = 150;        // calls a second
  double note_delay = 0;    // seconds until a call's end is noted
  bool all_chance = false;  // times are exponential as a whole
  std::vector<double> picked;

 private:
  static Duration duration(double seconds) {
    return std::chrono::nanoseconds(static_cast<std::int64_t>(seconds * 1e9));
  }
  double gap() { return -std::log(1 - crowd.random.unit()) / rate; }

  void begin() {
    double drawn = crowd.random.unit();
    std::size_t kind = 0;
    while (kind + 1 < tools.size() && drawn >= tools[kind].part) drawn -= tools[kind++].part;
    const std::size_t place = crowd.picker->pick({crowd.now, 0, kind}, crowd.random);
    EndpointFacts& facts = crowd.at(place);
    begin_call(facts, crowd.now);
    facts.in_flight += 1;
    picked[place] += 1;
    const Manner manner = manners[place];
    const double chance = -std::log(1 - crowd.random.unit());
    const double part = all_chance ? chance : 0.5 + 0.5 * chance;
    const double took = manner.fails ? 0.0005 : tools[kind].milliseconds / 1e3 * manner.slower * part;
    events_.emplace(crowd.now + duration(took), [this, place, kind, took, failed = manner.fails] {
      if (manners[place].hangs) return;
      crowd.at(place).in_flight -= 1;
      if (!failed) answered(crowd.at(place), crowd.now);
      events_.emplace(crowd.now + duration(note_delay), [this, place, kind, took, failed] {
        crowd.picker->note(place, kind, duration(took), failed, crowd.now);
      });
    });
  }

  TimePoint next_call_{};
  std::multimap<TimePoint, std::function<void()>> events_;
};

}  // namespace weir
