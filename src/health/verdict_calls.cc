// What calls and trials say: the half of Verdict that outranks passing probes.
#include <algorithm>

#include "health/verdict.h"

namespace weir {
namespace {

constexpr double kDegradedRate = 0.1;

std::string count_of(std::uint32_t failed, std::uint64_t all) {
  return std::to_string(failed) + " of " + std::to_string(all) + " calls failed";
}

std::string in_a_row(std::uint32_t failed, const std::string& how) {
  if (failed == 1) return "a call failed: " + how;
  return std::to_string(failed) + " calls in a row failed: " + how;
}

double rate(const Window::Reading& reading, std::size_t least) {
  const std::uint64_t all = std::uint64_t{reading.failed} + reading.succeeded;
  if (all == 0 || all < least) return 0;
  return static_cast<double>(reading.failed) / static_cast<double>(all);
}

}  // namespace

void Verdict::calls_failed(TimePoint now, const Window::Reading& reading, const std::string& reason) {
  begin(now);
  last_failure_ = reason;
  weigh_calls(now, reading);
  settle(now);
}

void Verdict::weigh_calls(TimePoint now, const Window::Reading& reading) {
  if (!outliers_.enabled && !breaker_.enabled) return;
  if (last_failure_.empty() && reading.failed > 0) last_failure_ = to_string(reading.last);
  const bool fresh = reading.last_failure >= returned_at_ && now - reading.last_failure < outliers_.window;
  const bool gone = outliers_.enabled && fresh && outliers_.consecutive_failures > 0 &&
                    reading.last == Fault::connect && reading.in_a_row >= outliers_.consecutive_failures &&
                    reading.last_failure > heard_at_;
  if (health_ == Health::unhealthy) {
    // It is out: what calls meet with meanwhile (in panic, as trials) says no more than where it is.
    call_flaw_.clear();
    if (gone && (ejected_ || ruled_out_)) {
      absent_ = true;
      absent_why_ = last_failure_;
    }
    return;
  }
  if (!breaker_.enabled && reading.last_success >= returned_at_) probation_ = false;
  if (fresh && reading.in_a_row + reading.in_a_row_5xx > 0 && reading.last_failure > heard_at_)
    call_doubt_ = true;
  const std::string why = fresh ? against(reading) : std::string();
  if (!why.empty()) {
    tripped_ = trips(reading);
    return eject(now, why, gone);
  }
  if (!outliers_.enabled) return;
  const double share = rate(reading, outliers_.min_requests);
  call_flaw_ = share >= kDegradedRate
                   ? count_of(reading.failed, std::uint64_t{reading.failed} + reading.succeeded)
                   : std::string();
}

// What speaks for its ejection; empty: nothing.
std::string Verdict::against(const Window::Reading& reading) const {
  const std::uint32_t row = reading.in_a_row + reading.in_a_row_5xx;
  const std::uint64_t all = std::uint64_t{reading.failed} + reading.succeeded;
  if (trips(reading))
    return row >= breaker_.failure_threshold ? in_a_row(row, last_failure_) : count_of(reading.failed, all);
  if (!outliers_.enabled) return {};
  // With a breaker permits judge it.
  if (!breaker_.enabled && probation_ && row > 0) return in_a_row(row, last_failure_);
  if (outliers_.consecutive_failures > 0 && reading.in_a_row >= outliers_.consecutive_failures)
    return in_a_row(reading.in_a_row, last_failure_);
  if (outliers_.consecutive_5xx > 0 && reading.in_a_row_5xx >= outliers_.consecutive_5xx)
    return in_a_row(reading.in_a_row_5xx, last_failure_);
  const double share = rate(reading, outliers_.min_requests);
  if (outliers_.error_rate > 0 && share >= outliers_.error_rate) return count_of(reading.failed, all);
  return {};
}

// Whether it is the circuit breaker's case: out, whoever else is.
bool Verdict::trips(const Window::Reading& reading) const noexcept {
  if (!breaker_.enabled) return false;
  if (reading.in_a_row + reading.in_a_row_5xx >= breaker_.failure_threshold) return true;
  return breaker_.error_rate_threshold > 0 &&
         rate(reading, outliers_.min_requests) >= breaker_.error_rate_threshold;
}

void Verdict::eject(TimePoint now, const std::string& why, bool gone) {
  ejected_ = true;
  proved_ = false;
  ejected_why_ = why;
  absent_ = gone_ = gone;
  if (gone && breaker_.enabled) passes_ = 0;
  if (gone) absent_why_ = last_failure_;
  settle_permit();
  if (ejected_) trials_.begin(now);
}

void Verdict::trial_ended(TimePoint now, std::optional<bool> good) {
  begin(now);
  if (good.value_or(false)) known_ = true;
  if (!ejected_ && breaker_.enabled && good == false) {
    // It is back, and calls should have proved it.
    if (last_failure_.empty()) last_failure_ = "no reason is known";
    tripped_ = true;
    eject(now, in_a_row(1, last_failure_), false);
  } else if (ejected_ && now >= trials_.at()) {
    trials_.ended(now, good);
  }
  settle(now);
}

void Verdict::proved(TimePoint now) {
  begin(now);
  known_ = proved_ = true;
  acquit_calls();
  settle(now);
}

void Verdict::reset(TimePoint now) {
  begin(now);
  acquit_calls();
  acquit_probes();
  probe_flaw_.clear();
  absent_ = silent_ = probe_doubt_ = false;
  fails_ = answered_fails_ = 0;
  proved_ = true;
  damping_ = Damping();
  settle(now);
}

void Verdict::acquit_calls() {
  ejected_ = tripped_ = gone_ = probation_ = call_doubt_ = false;
  call_flaw_.clear();
}

}  // namespace weir
