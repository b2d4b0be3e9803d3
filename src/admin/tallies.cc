#include "admin/tallies.h"

#include <algorithm>

#include "base/json.h"

namespace weir {
namespace {

// What a client waits for; a stream that it only listens to lasts as long as it likes.
bool is_timed(std::string_view method) noexcept {
  return method == "tools/call" || method == "prompts/get" || method == "resources/read" ||
         method == "completion/complete";
}

void add_times(TimeCounts& into, const Metrics::Reading& reading) {
  std::uint64_t within = 0;
  for (std::size_t i = 0; i < reading.buckets.size(); ++i) {
    into[i] += reading.buckets[i];
    within += reading.buckets[i];
  }
  into[reading.buckets.size()] += reading.count - std::min(reading.count, within);
}

Tally::ByWord* words_of(Tally& tally, std::string_view family) noexcept {
  if (family == "weir_retries") return &tally.retries;
  if (family == "weir_hedges") return &tally.hedges;
  if (family == "weir_fallbacks") return &tally.fallbacks;
  return family == "weir_rejected" ? &tally.rejected : nullptr;
}

// The text of a label's value.
std::string unescaped(std::string_view value) {
  std::string out;
  for (std::size_t i = 0; i < value.size(); ++i) {
    const bool escape = value[i] == '\\' && i + 1 < value.size();
    if (escape) ++i;
    out += escape && value[i] == 'n' ? '\n' : value[i];
  }
  return out;
}

}  // namespace

Tallies read_tallies(const Metrics& metrics, const std::vector<ReadFamily>& read) {
  Tallies out;
  Tally& all = out[std::string()];
  metrics.read(Family::requests, [&](const Metrics::Reading& reading) {
    const std::string_view outcome = label_of(reading.labels, "outcome");
    const bool fine = outcome == "ok" || outcome == "tool_error";
    const auto count = [&](Tally& tally) {
      tally.requests += reading.count;
      tally.errors += fine ? 0 : reading.count;
    };
    count(all);
    if (const auto server = label_of(reading.labels, "server"); !server.empty())
      count(out[std::string(server)]);
  });
  metrics.read(Family::request_duration, [&](const Metrics::Reading& reading) {
    if (!is_timed(label_of(reading.labels, "method"))) return;
    add_times(all.took, reading);
    if (const auto server = label_of(reading.labels, "server"); !server.empty())
      add_times(out[std::string(server)].took, reading);
  });
  metrics.read(Family::overhead, [&](const Metrics::Reading& reading) { add_times(all.overhead, reading); });
  for (const ReadFamily& family : read) {
    if (words_of(all, family.name) == nullptr) continue;
    for (const Sample& sample : family.samples) {
      const std::string_view outcome = label_of(sample.labels, "outcome");
      const std::string word(outcome.empty() ? label_of(sample.labels, "reason") : outcome);
      const auto count = static_cast<std::uint64_t>(sample.value);
      (*words_of(all, family.name))[word] += count;
      if (const auto server = label_of(sample.labels, "server"); !server.empty())
        (*words_of(out[std::string(server)], family.name))[word] += count;
    }
  }
  return out;
}

std::string acting_rules(const std::vector<ReadFamily>& read) {
  std::string out;
  for (const ReadFamily& family : read) {
    if (family.name != "weir_degradation_active") continue;
    for (const Sample& sample : family.samples) {
      if (sample.value == 0) continue;
      out += out.empty() ? "{\"rule\":" : ",{\"rule\":";
      json_append_string(out, unescaped(label_of(sample.labels, "rule")));
      out += ",\"server\":";
      json_append_string(out, label_of(sample.labels, "server"));
      out += '}';
    }
  }
  return '[' + out + ']';
}

}  // namespace weir
