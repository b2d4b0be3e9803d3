// What is read when somebody scrapes: figures of the process, of each server and of its endpoints. Names and
// labels: the user's contract.
#include <algorithm>
#include <array>

#include "app/observe.h"
#include "http/pool.h"
#include "obs/rejections.h"

namespace weir {
namespace {

ReadFamily family(std::string_view name, std::string_view help, bool counter = false) {
  ReadFamily out;
  out.name = name;
  out.help = help;
  out.counter = counter;
  return out;
}

template <class Number>
void sample(ReadFamily& into, std::string labels, Number value) {
  Sample one;
  one.labels = std::move(labels);
  one.value = static_cast<double>(value);
  into.samples.push_back(std::move(one));
}

template <class Number>
ReadFamily single(std::string_view name, std::string_view help, Number value, bool counter = false) {
  ReadFamily out = family(name, help, counter);
  sample(out, {}, value);
  return out;
}

std::string label(std::string_view name, std::string_view value) {
  std::string out;
  append_label(out, name, value);
  return out;
}
std::string with_label(const std::string& labels, std::string_view name, std::string_view value) {
  std::string out = labels + ',';
  append_label(out, name, value);
  return out;
}

// All that is told of servers, one family of each kind.
class ServerFigures {
 public:
  void read(const Upstream& upstream, const Pins* pins) {
    const std::string server = label("server", upstream.name());
    const PolicyCounts& counts = upstream.counts();
    sample(in_flight_, server, upstream.in_flight());
    outcomes(retries_, server, counts.retries, RetryOutcome::count_);
    outcomes(hedges_, server, counts.hedges, HedgeOutcome::count_);
    sample(fallbacks_, with_label(server, "outcome", "ok"), counts.fallbacks.load());
    sample(fallbacks_, with_label(server, "outcome", "failed"), counts.fallbacks_failed.load());
    sample(rejected_, with_label(server, "reason", "degradation"), counts.shed.load());
    sample(rejected_, with_label(server, "reason", "key_limit"), counts.key_limit.load());
    for (std::size_t i = 0; i < static_cast<std::size_t>(Refused::count_); ++i) {
      const auto reason = static_cast<Refused>(i);
      sample(rejected_, with_label(server, "reason", to_string(reason)), counts.refusals.get(reason));
    }
    if (pins != nullptr) {
      const auto view = pins->view();
      for (const PinState state : {PinState::approved, PinState::changed, PinState::fresh})
        sample(pins_, with_label(server, "state", to_string(state)), view->count(state));
    }
    const Admission& admission = upstream.admission();
    sample(queued_, server, admission.queued());
    if (const auto limit = admission.limit()) sample(limits_, server, *limit);
    const auto set = upstream.endpoints();
    for (const SetMember& member : set->members) {
      // One that still drains while it is back already is shown as what it is now.
      const auto back = [&](const SetMember& other) {
        return !other.draining && other.endpoint->address() == member.endpoint->address();
      };
      if (!member.draining || std::none_of(set->members.begin(), set->members.end(), back))
        read_endpoint(server, member);
    }
  }
  // Of the process as a whole.
  void read_rejected() {
    for (std::size_t i = 0; i < static_cast<std::size_t>(Rejected::count_); ++i) {
      const auto reason = static_cast<Rejected>(i);
      sample(rejected_, with_label("server=\"\"", "reason", to_string(reason)), rejected_so_far(reason));
    }
  }
  void append_to(std::vector<ReadFamily>& out) {
    for (ReadFamily* one : {&rejected_, &in_flight_, &queued_, &limits_, &states_, &retries_, &hedges_,
                            &fallbacks_, &pins_, &breakers_})
      out.push_back(std::move(*one));
  }

 private:
  template <class Counts, class Outcome>
  static void outcomes(ReadFamily& into, const std::string& server, const Counts& counts, Outcome last) {
    for (std::size_t i = 0; i < static_cast<std::size_t>(last); ++i) {
      const auto outcome = static_cast<Outcome>(i);
      sample(into, with_label(server, "outcome", to_string(outcome)), counts.get(outcome));
    }
  }
  void read_endpoint(const std::string& server, const SetMember& member) {
    const std::string endpoint = with_label(server, "endpoint", member.endpoint->address());
    const std::string_view is = state_word(member);
    for (const std::string_view state :
         {"healthy", "degraded", "unhealthy", "unknown", "starting", "draining"})
      sample(states_, with_label(endpoint, "state", state), state == is);
    const BreakerState breaker = member.endpoint->health().breaker_state();
    for (const BreakerState state : {BreakerState::closed, BreakerState::open, BreakerState::half_open})
      sample(breakers_, with_label(endpoint, "state", to_string(state)), state == breaker);
  }

  ReadFamily rejected_ =
      family("weir_rejected", "What was refused: its sender may not send it, or its server is busy.", true);
  ReadFamily in_flight_ = family("weir_in_flight", "Calls under way.");
  ReadFamily queued_ = family("weir_queued", "Calls that wait for others to end.");
  ReadFamily limits_ = family("weir_concurrency_limit", "How many calls may be under way at a time.");
  ReadFamily states_ = family("weir_endpoint_state", "1 for the state that an endpoint is in.");
  ReadFamily retries_ = family("weir_retries", "Calls that were tried again, by what came of it.", true);
  ReadFamily hedges_ =
      family("weir_hedges", "Second requests beside a late first one, by what came of them.", true);
  ReadFamily fallbacks_ =
      family("weir_fallbacks", "Answers that something else stood in for, or could not, either.", true);
  ReadFamily pins_ =
      family("weir_tool_pins", "Tools that servers with pins list, by how they stand to what was approved.");
  ReadFamily breakers_ =
      family("weir_breaker_state", "1 for the state that an endpoint's circuit breaker is in.");
};

}  // namespace

std::vector<ReadFamily> Observe::read_families() const {
  std::vector<ReadFamily> out = process_families();
  ReadFamily build = family("weir_build_info", "The version that runs.");
  sample(build, "version=\"" WEIR_VERSION "\"", 1);
  out.push_back(std::move(build));
  ReadFamily open = family("weir_connections", "Open connections.");
  sample(open, "side=\"client\"", connections.load());
  sample(open, "side=\"upstream\"", open_upstream_connections());
  out.push_back(std::move(open));
  out.push_back(single("weir_buffer_bytes", "Memory in buffers of messages.", buffer_bytes()));
  ReadFamily refused = family("weir_connections_refused", "Connections that were not taken.", true);
  constexpr std::array<std::string_view, kRefusals> kReasons = {"limit", "address_limit", "descriptors"};
  for (std::size_t i = 0; i < kReasons.size(); ++i)
    sample(refused, label("reason", kReasons[i]), connections_refused[i].load());
  out.push_back(std::move(refused));
  out.push_back(single("weir_connections_shed", "Idle connections that were ended to make room for others.",
                       connections_shed.load(), true));
  out.push_back(single("weir_tls_handshakes_failed", "TLS handshakes of clients that did not end well.",
                       handshakes_failed.load(), true));
  out.push_back(single("weir_config_last_reload_successful", "1 if the last reload was taken.",
                       last_reload_good.load()));
  out.push_back(single("weir_config_last_reload_success_timestamp_seconds",
                       "When a configuration was last taken.", last_reload_seconds.load()));
  out.push_back(single("weir_metrics_dropped_series", "Series that the cap left out.",
                       metrics_.dropped_series(), true));
  out.push_back(single("weir_log_dropped_lines", "Log lines that were dropped.", log_.dropped(), true));
  ServerFigures servers;
  servers.read_rejected();
  const auto plan = gateway_->plan_now();
  for (std::size_t i = 0; i < plan->servers.size(); ++i) servers.read(*plan->servers[i], plan->pins[i].get());
  servers.append_to(out);
  ReadFamily acting = family("weir_degradation_active",
                             "1 for each rule of degradation that acts, and whom for; no server: for all.");
  for (const auto& [rule, server] : gateway_->degradation().acting())
    sample(acting, with_label(label("rule", rule), "server", server), 1);
  out.push_back(std::move(acting));
  return out;
}

}  // namespace weir
