#include "health/verdict.h"

#include <algorithm>
#include <utility>

namespace weir {
namespace {

constexpr Duration kDegradedAtLeast = std::chrono::seconds(2);

// A cause that nobody named is named by its kind.
std::string named(const std::string& reason, Fault fault) {
  return reason.empty() ? std::string(to_string(fault)) : reason;
}

}  // namespace

Verdict::Verdict(HealthCheckConfig checks, OutlierDetectionConfig outliers, CircuitBreakerConfig breaker,
                 EjectionQuota& quota)
    : checks_(std::move(checks)),
      outliers_(outliers),
      breaker_(breaker),
      quota_(quota),
      trials_(outliers, breaker.enabled ? Duration(breaker.timeout) : Duration::max()),
      reason_("nothing is known of it yet") {
  checks_.unhealthy_threshold = std::max<std::size_t>(checks_.unhealthy_threshold, 1);
  checks_.healthy_threshold = std::max<std::size_t>(checks_.healthy_threshold, 1);
}

Verdict::~Verdict() { give_back(); }

void Verdict::greeted(TimePoint now, bool anew) {
  // What is half open for a start need not be waited for: it has said who it is.
  if (breaker_.enabled && (anew || ruled_out_)) passes_ = std::max(passes_, checks_.healthy_threshold - 1);
  if (breaker_.enabled && anew) {
    const bool unproved = probation_;
    acquit_calls();
    probation_ = unproved;
  }
  probe_passed(now);
}

void Verdict::probe_passed(TimePoint now) {
  begin(now);
  known_ = true;
  heard_at_ = now;
  fails_ = answered_fails_ = 0;
  ++passes_;
  absent_ = false;
  if (passes_ >= checks_.healthy_threshold) {
    silent_ = false;
    probe_doubt_ = call_doubt_ = false;
    probe_flaw_.clear();
    // It was down and is up again, so what calls met with is over, too. Where probes passed all along, their
    // passing says nothing of calls, unless these met with nobody.
    if (std::exchange(ruled_out_, false) || (ejected_ && gone_ && breaker_.enabled)) acquit_calls();
  }
  settle(now);
}

void Verdict::probe_failed(TimePoint now, Fault fault, const std::string& reason, bool answering,
                           bool silent) {
  begin(now);
  passes_ = 0;
  probe_doubt_ = true;
  if (answering) {
    // What hangs is the probe, or we are slow ourselves.
    fails_ = 0;
    ++answered_fails_;
    known_ = true;
    absent_ = silent_ = false;
    if (answered_fails_ >= checks_.unhealthy_threshold) acquit_probes();
    settle(now);
    return;
  }
  answered_fails_ = 0;
  ++fails_;
  absent_ = absent_ && fault == Fault::connect;
  if (fails_ >= checks_.unhealthy_threshold) {
    ruled_out_ = true;
    refused_ = fault == Fault::connect;
    timed_out_ = fault == Fault::timeout;
    // Once nobody is sent there any more, silence can't be seen again.
    if (silent && breaker_.enabled && !std::exchange(silent_, true)) silent_at_ = now;
    probe_why_ = named(reason, fault);
    if (refused_) {
      absent_ = true;
      absent_why_ = probe_why_;
    }
  }
  settle(now);
}

void Verdict::unanswered(TimePoint now) {
  silent_ = true;
  silent_at_ = now;
  settle(now);
}

void Verdict::reconsider(TimePoint now) {
  if (permit_ == Permit::ejected || permit_ == Permit::ruled_out) give_back();
  settle(now);
}

void Verdict::misdirected(TimePoint now, const std::string& reason) {
  begin(now);
  misdirected_ = reason;
  settle(now);
}

void Verdict::tick(TimePoint now, const Window::Reading& reading) {
  begin(now);
  if (reading.succeeded > 0) known_ = true;
  if (reading.last_success > silent_at_) silent_ = false;
  if (reading.in_a_row == 0 && reading.in_a_row_5xx == 0) call_doubt_ = false;
  weigh_calls(now, reading);
  const bool passing = passes_ > 0 && heard_at_ > since_;
  if (ejected_ && !certain() && !ruled_out_ && passing && trials_.unwanted(now)) {
    acquit_calls();
    probation_ = true;
  }
  // Where no calls come, probes that passed all along have to do.
  if (breaker_.enabled && probation_ && health_ != Health::unhealthy && passes_ > 0 &&
      now - returned_at_ >= breaker_.timeout)
    probation_ = false;
  settle(now);
  if (health_ == Health::healthy) trials_.healthy(now, since_);
}

// Calls are answered, so probes that fail make it no more than degraded.
void Verdict::acquit_probes() {
  ruled_out_ = false;
  probe_flaw_ = "probes fail while calls succeed";
}

bool Verdict::suspect() const noexcept { return probe_doubt_ || call_doubt_ || health_ == Health::unhealthy; }

Verdict::Gate Verdict::gate() const noexcept {
  if (health_ == Health::unhealthy) return Gate::open;
  return probation_ && breaker_.enabled ? Gate::half_open : Gate::closed;
}

TimePoint Verdict::trial_at() const noexcept {
  // Where probes fail as well, a call would but hang: they say when it is up again. Not of one alone, whose
  // probes do not put it out.
  const bool probes_say = ruled_out_ && (refused_ || silent_ || !quota_.alone());
  if (ejected_ && !probes_say && !certain()) return trials_.at();
  // Who flaps is not tried at each turn.
  if (breaker_.enabled && held_at_ != kForever) return held_at_ + trials_.shortest();
  return kForever;
}

void Verdict::set_chance(double (*draw)(void*), void* source) noexcept { trials_.set_chance(draw, source); }

void Verdict::leave() noexcept {
  left_ = true;
  give_back();
}

void Verdict::take_part(bool part) noexcept {
  aside_ = !part;
  if (aside_) give_back();
}

void Verdict::begin(TimePoint now) noexcept {
  if (!std::exchange(begun_, true)) since_ = now;
}

void Verdict::settle(TimePoint now) {
  settle_permit();
  const Health next = wanted(now);
  if (next != health_) {
    const bool down = next == Health::unhealthy;
    const bool up = health_ == Health::unhealthy;
    if (down || damping_.may_change(now, up)) {
      damping_.changed(now, down);
      health_ = next;
      since_ = now;
      if (down) proved_ = false;
      if (up) {
        give_back();
        returned_at_ = now;
        if (breaker_.enabled) probation_ = !proved_;
      }
    }
  }
  const bool held = health_ == Health::unhealthy && !accused();
  held_at_ = held ? std::min(held_at_, now) : kForever;
  if (health_ == Health::unhealthy && permit_ == Permit::none && takes_part()) {
    // Damping alone holds it.
    quota_.lost();
    permit_ = Permit::lost;
  }
  reason_ = said();
  if (health_ == Health::unhealthy && accused()) down_why_ = reason_;
}

// Sees that it holds of the quota what the evidence calls for; where the quota refuses, it is but degraded.
void Verdict::settle_permit() {
  if (!takes_part()) return;
  const bool fits = (permit_ == Permit::ejected && ejected_) || (permit_ == Permit::ruled_out && ruled_out_);
  // What was refused and answers again has yet to pass often enough: that needs no leave either.
  if (certain() || (ruled_out_ && (refused_ || silent_)) || (ejected_ && tripped_)) {
    if (fits || permit_ == Permit::lost) return;
    give_back();
    quota_.lost();
    permit_ = Permit::lost;
    return;
  }
  if (fits || (!ejected_ && !ruled_out_)) return;
  give_back();
  if (ejected_) {
    if (quota_.eject()) {
      permit_ = Permit::ejected;
      return;
    }
    ejected_ = false;
    call_flaw_ = ejected_why_;
  }
  if (ruled_out_) {
    if (quota_.rule_out()) {
      permit_ = Permit::ruled_out;
      return;
    }
    ruled_out_ = false;
    probe_flaw_ = probe_why_;
  }
}

void Verdict::give_back() noexcept {
  switch (std::exchange(permit_, Permit::none)) {
    case Permit::none:
      break;
    case Permit::ejected:
      quota_.restore();
      break;
    case Permit::ruled_out:
      quota_.rule_in();
      break;
    case Permit::lost:
      quota_.found();
      break;
  }
}

Health Verdict::wanted(TimePoint now) {
  const bool flawed = !call_flaw_.empty() || !probe_flaw_.empty();
  if (flawed) {
    flawed_at_ = now;
    flaw_ = call_flaw_.empty() ? probe_flaw_ : call_flaw_;
  }
  if (accused()) return Health::unhealthy;
  if (flawed) return Health::degraded;
  if (health_ == Health::degraded && now - flawed_at_ < kDegradedAtLeast) return Health::degraded;
  return known_ ? Health::healthy : Health::unknown;
}

std::string Verdict::said() const {
  switch (health_) {
    case Health::healthy:
      return {};
    case Health::unknown:
      return "nothing is known of it yet";
    case Health::degraded:
      return flaw_;
    case Health::unhealthy:
      break;
  }
  if (!misdirected_.empty()) return misdirected_;
  if (absent_) return absent_why_;
  if (ruled_out_) return probe_why_;
  if (ejected_) return ejected_why_;
  return "held back: it went down repeatedly within a minute, last: " + down_why_;
}

}  // namespace weir
