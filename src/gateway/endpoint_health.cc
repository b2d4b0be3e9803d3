#include "gateway/endpoint_health.h"

namespace weir {
namespace {

using Kind = Error::Kind;

constexpr Duration kTick = std::chrono::seconds(1);
constexpr Duration kTold = std::chrono::seconds(30);  // between two that differ in their reason alone

std::int64_t in_facts(TimePoint at) noexcept {
  return at == kForever ? std::numeric_limits<std::int64_t>::max() : facts_time(at);
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
      trial_at_(in_facts(kForever)),
      verdict_(options_.checks, options_.outliers, *options_.quota),
      timer_(options_.checks, options_.alone ? 1 : 2),
      chance_(home_.chance()) {
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
  trial_at_.store(in_facts(verdict_.trial_at()), std::memory_order_relaxed);
  const bool other = verdict_.health() != told_.health || verdict_.absent() != told_.absent ||
                     takes_trials() != told_.trials;
  const bool counted_on = verdict_.reason() != told_.reason && now - told_.at >= kTold;
  if (!other && !counted_on) return false;
  told_ = {verdict_.health(), verdict_.absent(), takes_trials(), verdict_.reason(), now};
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

bool EndpointHealth::begin_trial(TimePoint now) noexcept {
  if (in_facts(now) < trial_at_.load(std::memory_order_relaxed)) return false;
  return !trial_runs_.load(std::memory_order_relaxed) && !trial_runs_.exchange(true);
}

void EndpointHealth::end_trial(std::optional<bool> good) {
  home_.post([this, good, keep = options_.keep()] {
    const bool changed = judge([&] { verdict_.trial_ended(home_.now(), good); });
    trial_runs_.store(false);
    if (changed) options_.changed();
  });
}

void EndpointHealth::greeted() {
  // It tells how soon answers are to be expected.
  if (greeting_since_ != kForever) timer_.answered(home_.now() - greeting_since_);
  greeting_since_ = kForever;
  greeting_late_ = false;
  probed_ = home_.now();  // it was as good as one
  judge([this] { verdict_.greeted(home_.now()); });
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

void EndpointHealth::set_alone(bool alone) {
  home_.post([this, alone, keep = options_.keep()] {
    timer_ = ProbeTimer(options_.checks, alone ? 1 : 2);
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
  const TimePoint deadline = begun + timer_.timeout();
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
  const bool answering = window_.read(now).last_success >= begun;
  const bool changed = judge([&] {
    if (!fault)
      verdict_.probe_passed(now);
    else
      verdict_.probe_failed(now, *fault,
                            *fault == Fault::timeout ? "probe timed out" : there.error().detail(), answering);
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
