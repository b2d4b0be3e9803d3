#include "gateway/endpoint_health.h"

namespace weir {
namespace {

using Kind = Error::Kind;

constexpr Duration kTick = std::chrono::seconds(1);
constexpr Duration kTold = std::chrono::seconds(30);  // between two that differ in their reason alone

// How long calls have to be without an answer for that to be a second witness beside probes that time out:
// so many times what a probe may take, and no less than this. One alone is slow before it is dead.
constexpr int kSilentProbes = 4;
constexpr Duration kSilent = std::chrono::seconds(1);
constexpr Duration kSilentAlone = std::chrono::seconds(10);
constexpr Duration kGreetingTold = std::chrono::milliseconds(250);
constexpr Duration kSilentBesideSilent = kSilent / 2;  // where its siblings are

BreakerLimits limits_of(const EndpointHealth::Options& options) noexcept {
  BreakerLimits limits;
  const bool on = options.breaker.enabled;
  limits.permits = on ? static_cast<std::uint32_t>(options.breaker.half_open_max_requests) : 1;
  limits.successes = static_cast<std::uint32_t>(
      std::max<std::size_t>(on ? options.breaker.success_threshold : options.checks.healthy_threshold, 1));
  return limits;
}

}  // namespace

std::optional<Fault> fault_of(const Error& error, bool silent) noexcept {
  // Who was waited for is known by the kind: a deadline is noticed here, whoever is late.
  const bool late = error.kind() == Kind::deadline_exceeded;
  if ((error.side() != Error::Side::upstream && !late) || error.forgotten() || error.impatient())
    return std::nullopt;
  if (error.wrong_id()) return Fault::wrong_id;
  if (error.status() >= 500) return Fault::server_error;
  if (error.status() >= 400) return std::nullopt;
  switch (error.kind()) {
    case Kind::unreachable:
      return Fault::connect;
    case Kind::outcome_unknown:
      return Fault::reset;
    case Kind::upstream_protocol:
      return Fault::protocol;
    case Kind::deadline_exceeded:
      return silent ? std::optional(Fault::timeout) : std::nullopt;
    default:
      return std::nullopt;
  }
}

EndpointHealth::EndpointHealth(Options options)
    : options_(std::move(options)),
      home_(*options_.home),
      window_(options_.outliers.window),
      breaker_(limits_of(options_), [this](Breaker::Event event) { gate_moved(event); }),
      verdict_(options_.checks, options_.outliers, options_.breaker, *options_.quota),
      timer_(options_.checks, options_.alone ? 1 : 2),
      chance_(home_.chance()),
      alone_(options_.alone) {
  verdict_.set_chance([](void* chance) { return static_cast<Random*>(chance)->unit(); }, &chance_);
  told_.reason = verdict_.reason();
}

// Home shard: takes evidence in. True if the verdict is to be told of: a reason that only counts on is not,
// or it would be with each call.
template <class Evidence>
bool EndpointHealth::judge(Evidence evidence) {
  const Health health = verdict_.health();
  evidence();
  const TimePoint now = home_.now();
  if (verdict_.health() != health) {
    down_since_ = verdict_.health() == Health::unhealthy ? now : TimePoint();
    // What led to the last ejection must not count for the next.
    if (health == Health::unhealthy) window_.clear();
  }
  if (!verdict_.reason().empty()) last_reason_ = verdict_.reason();
  sync_breaker(health == Health::unhealthy && verdict_.health() != health);
  const bool other = verdict_.health() != told_.health || verdict_.absent() != told_.absent ||
                     verdict_.silent() != told_.silent || verdict_.failing() != told_.failing ||
                     verdict_.wants_witness() != told_.wants_witness || takes_trials() != told_.trials;
  const bool counted_on = verdict_.reason() != told_.reason && now - told_.at >= kTold;
  if (!other && !counted_on) return false;
  told_ = {verdict_.health(),        verdict_.absent(), verdict_.silent(), verdict_.failing(),
           verdict_.wants_witness(), takes_trials(),    verdict_.reason(), now};
  return true;
}

void EndpointHealth::failed(Fault fault, TimePoint now, const std::string& why) {
  window_.failed(fault, now);
  {
    std::lock_guard lock(why_lock_);
    why_ = why;
  }
  // Many at once are judged together.
  if (failures_wait_.exchange(true)) return;
  home_.post([this, keep = options_.keep()] { take_failures(); });
}

void EndpointHealth::take_failures() {
  failures_wait_.store(false);
  std::string why;
  {
    std::lock_guard lock(why_lock_);
    why = why_;
  }
  const TimePoint now = home_.now();
  if (judge([&] { verdict_.calls_failed(now, window_.read(now), why); })) options_.changed();
  nudge_.wake();
}

bool EndpointHealth::takes_trials() const noexcept {
  return breaker_.state() == BreakerState::half_open || breaker_.tried_from() != kForever;
}

// Home shard: the breaker is as the verdict has it. `back`: it was unhealthy and is no more.
void EndpointHealth::sync_breaker(bool back) {
  switch (verdict_.gate()) {
    case Verdict::Gate::closed:
      breaker_.close(breaker_.proved());
      break;
    case Verdict::Gate::half_open:
      breaker_.half_open(back);
      break;
    case Verdict::Gate::open:
      // Once it is time, a call half-opens it, and it stays so until calls have said more.
      if (breaker_.state() != BreakerState::half_open || verdict_.trial_at() > home_.now())
        breaker_.open(verdict_.trial_at());
      break;
  }
  note_breaker(breaker_.state());
}

// Home shard: keeps and tells the change, if it is one. Without a breaker it is but the gate of trials.
void EndpointHealth::note_breaker(BreakerState now) {
  if (now == shown_) return;
  BreakerChange change;
  change.at = home_.wall_now();
  change.from = std::exchange(shown_, now);
  change.to = now;
  moved_at_ = home_.now();
  if (!breaks()) return;
  if (now == BreakerState::closed)
    change.reason = "it is well again";
  else if (now == BreakerState::half_open)
    change.reason = verdict_.health() == Health::unhealthy
                        ? "calls try it; it was open: " + last_reason_
                        : "probes pass again; it was open: " + last_reason_;
  else
    change.reason = last_reason_;
  {
    std::lock_guard lock(history_lock_);
    if (history_.size() == kHistory) history_.erase(history_.begin());
    history_.push_back(change);
  }
  if (options_.breaker_changed) options_.breaker_changed(change);
}

std::vector<BreakerChange> EndpointHealth::breaker_history() const {
  std::lock_guard lock(history_lock_);
  return history_;
}

// Any shard: what calls did to the breaker is evidence.
void EndpointHealth::gate_moved(Breaker::Event event) {
  home_.post([this, event, keep = options_.keep()] {
    const TimePoint now = home_.now();
    moved_at_ = now;
    const bool changed = judge([&] {
      switch (event) {
        case Breaker::Event::tried:
          note_breaker(BreakerState::half_open);
          break;
        case Breaker::Event::good:
          verdict_.trial_ended(now, true);
          break;
        case Breaker::Event::none:
          verdict_.trial_ended(now, std::nullopt);
          break;
        case Breaker::Event::bad:
          breaker_.take_note();
          verdict_.trial_ended(now, false);
          break;
        case Breaker::Event::proved:
          // Unless one has failed meanwhile.
          if (breaker_.proved()) verdict_.proved(now);
          break;
      }
    });
    if (changed) options_.changed();
    nudge_.wake();
  });
}

void EndpointHealth::reset() {
  window_.clear();
  if (judge([this] { verdict_.reset(home_.now()); })) options_.changed();
  nudge_.wake();
}

// Permits of calls that hang are not waited for longer than an open breaker would be.
void EndpointHealth::renew_permits(TimePoint now) {
  const BreakerWord word = breaker_.word();
  const bool full = word.state == BreakerState::half_open && word.permits >= limits_of(options_).permits;
  if (!full || !options_.breaker.enabled || now - moved_at_ < options_.breaker.timeout) return;
  breaker_.half_open(true);
  moved_at_ = now;
}

// A call whose client is asked for something waits for that, and not for its server.
bool EndpointHealth::owes() const noexcept {
  return options_.facts->in_flight.load(std::memory_order_relaxed) >
         options_.asking->load(std::memory_order_relaxed);
}

// Home shard: whether calls wait for an answer, and none has come for long.
bool EndpointHealth::silent(TimePoint now) const noexcept {
  const EndpointFacts& facts = *options_.facts;
  if (!owes()) return false;
  // What is known to take long is not late yet.
  if (facts_time(now) < facts.due_at.load(std::memory_order_relaxed)) return false;
  const Window::Reading reading = window_.read(now);
  TimePoint heard = std::max(reading.last_success, reading.last_failure);
  heard = std::max(heard, TimePoint(std::chrono::nanoseconds(facts.owes_since.load())));
  if (alone_) heard = std::max(heard, idle_at_);
  return now - heard >= std::max<Duration>(alone_ ? kSilentAlone : kSilent, kSilentProbes * first_timeout_);
}

bool EndpointHealth::keeps_silent(TimePoint now) const noexcept {
  const EndpointFacts& facts = *options_.facts;
  if (!owes()) return false;
  // What is known to take long is not late yet.
  if (facts_time(now) < facts.due_at.load(std::memory_order_relaxed)) return false;
  const TimePoint since(std::chrono::nanoseconds(facts.owes_since.load()));
  return now - std::max(window_.read(now).last_success, since) >= kSilentBesideSilent;
}

void EndpointHealth::unanswered() {
  home_.post([this, keep = options_.keep()] {
    if (!verdict_.wants_witness()) return;
    if (judge([this] { verdict_.unanswered(home_.now()); })) options_.changed();
  });
}

void EndpointHealth::greeted(bool anew) {
  // It tells how soon answers are to be expected, but not of a start that took long.
  if (greeting_since_ != kForever) timer_.answered(std::min(home_.now() - greeting_since_, kGreetingTold));
  greeting_since_ = kForever;
  greeting_late_ = false;
  probed_ = home_.now();  // it was as good as one
  first_timeout_ = Duration::zero();
  judge([&] { verdict_.greeted(home_.now(), anew); });
  nudge_.wake();
}

void EndpointHealth::greeting_failed(const Error& error) {
  greeting_since_ = kForever;
  const bool told = std::exchange(greeting_late_, false);
  const std::optional<Fault> fault = fault_of(error, true);
  if (!fault || told) return;
  judge([&] { verdict_.probe_failed(home_.now(), *fault, error.detail(), false); });
}

void EndpointHealth::misdirected(std::string reason) {
  home_.post([this, reason = std::move(reason), keep = options_.keep()] {
    if (judge([&] { verdict_.misdirected(home_.now(), reason); })) options_.changed();
  });
}

void EndpointHealth::set_away(bool away) {
  away_ = away;
  const bool counts = away && verdict_.takes_part() && verdict_.health() != Health::unhealthy;
  if (counts == std::exchange(away_counts_, counts)) return;
  if (counts)
    options_.quota->lost();
  else
    options_.quota->found();
}

void EndpointHealth::set_place(bool alone, bool takes_part) {
  home_.post([this, alone, takes_part, keep = options_.keep()] {
    const bool other = std::exchange(alone_, alone) != alone;
    if (other) timer_ = ProbeTimer(options_.checks, alone ? 1 : 2);
    verdict_.take_part(takes_part);
    set_away(away_);
    // What put it out while there were others may be no reason now.
    if (other && alone && judge([this] { verdict_.reconsider(home_.now()); })) options_.changed();
    nudge_.wake();
  });
}

ProbeTimer::Seen EndpointHealth::seen(TimePoint now) const noexcept {
  const Window::Reading reading = window_.read(now);
  ProbeTimer::Seen out;
  out.probed = probed_;
  out.healthy = verdict_.health() == Health::healthy;
  out.suspect = verdict_.suspect();
  out.down_since = down_since_;
  out.last_success = reading.last_success;
  out.last_failure = reading.last_failure;
  return out;
}

Duration EndpointHealth::pace() const noexcept {
  const TimePoint now = home_.now();
  return std::max<Duration>(timer_.due(seen(now), now, draw_) - now, timer_.suspect_interval());
}

// One probe, and what it says. What was seen while the own loop was late is void.
Task<void> EndpointHealth::probe_once(CancelScope& closing) {
  const TimePoint begun = home_.now();
  const Duration patience = timer_.timeout();
  const TimePoint deadline = begun + patience;
  const Result<void> there = co_await options_.probe(deadline, closing);
  const TimePoint now = home_.now();
  if (closing.cancelled()) co_return;
  const std::optional<Fault> fault = there ? std::nullopt : fault_of(there.error(), true);
  probed_ = now;
  draw_ = chance_.unit();
  if (!fault) timer_.answered(now - begun);
  if (fault && *fault == Fault::timeout) {
    lag_.note(deadline, now);
    if (lag_.lagged_since(begun)) co_return;
    timer_.timed_out();
  }
  if (!fault)
    first_timeout_ = Duration::zero();
  else if (first_timeout_ == Duration::zero())
    first_timeout_ = patience;
  const bool answering = window_.read(now).last_success >= begun;
  const bool changed = judge([&] {
    // One alone that is there again is tried at once: there is nowhere else to go.
    if (!fault && alone_ && verdict_.absent())
      verdict_.greeted(now, true);
    else if (!fault)
      verdict_.probe_passed(now);
    else
      verdict_.probe_failed(now, *fault,
                            *fault == Fault::timeout ? "probe timed out" : there.error().detail(), answering,
                            *fault == Fault::timeout && silent(now));
  });
  if (changed) options_.changed();
}

// Probes of many endpoints go out together: a shard that wakes for each costs more than the probes. Up to a
// fifth of the pause later, at moments that all of a shard's endpoints share.
TimePoint EndpointHealth::together(TimePoint due) const {
  if (due == kForever) return due;
  const Duration grid = (verdict_.suspect() ? timer_.suspect_interval() : timer_.interval()) / 5;
  const Duration past = due.time_since_epoch() % std::max<Duration>(grid, std::chrono::milliseconds(1));
  return past == Duration::zero() ? due : due - past + grid;
}

// When something is to be done by itself: a probe, or a look at a greeting that is not answered.
TimePoint EndpointHealth::next_due(TimePoint now) const {
  if (options_.known()) return options_.probes ? timer_.due(seen(now), now, draw_) : kForever;
  const bool asked = !greeting_late_ && greeting_since_ != kForever;
  return asked ? greeting_since_ + timer_.timeout() : kForever;
}

Task<void> EndpointHealth::run(CancelScope& closing) {
  while (!closing.cancelled()) {
    const TimePoint begun = home_.now();
    const TimePoint until = std::min(together(next_due(begun)), begun + kTick);
    if (until > begun) {
      const Wake wake = co_await nudge_.wait(until, &closing);
      if (wake == Wake::cancelled) break;
      if (wake == Wake::deadline) lag_.note(until, home_.now());
    }
    const TimePoint now = home_.now();
    if (options_.facts->in_flight.load(std::memory_order_relaxed) == 0) idle_at_ = now;
    renew_permits(now);
    if (judge([&] { verdict_.tick(now, window_.read(now)); })) options_.changed();
    // Asked anew: a call that was answered meanwhile is as good as a probe.
    if (now < together(next_due(now))) continue;
    if (options_.known()) {
      co_await probe_once(closing);
      continue;
    }
    greeting_late_ = true;
    const bool void_evidence = lag_.lagged_since(greeting_since_);
    const bool changed = !void_evidence && judge([&] {
      verdict_.probe_failed(now, Fault::timeout, "it does not say who it is", false);
    });
    if (changed) options_.changed();
  }
}

}  // namespace weir
