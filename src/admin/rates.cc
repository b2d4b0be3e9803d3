#include "admin/rates.h"

#include <charconv>
#include <cmath>
#include <utility>

#include "base/json.h"

namespace weir {
namespace {

// A counter that is less than before has begun anew: its server is another one.
std::uint64_t grown(std::uint64_t now, std::uint64_t before) noexcept {
  return now < before ? now : now - before;
}

void append_words(std::string& out, std::string_view name, const Tally::ByWord& now,
                  const Tally::ByWord& before, double seconds) {
  bool first = true;
  for (const auto& [word, count] : now) {
    const auto was = before.find(word);
    const std::uint64_t more = grown(count, was == before.end() ? 0 : was->second);
    if (more == 0) continue;
    if (first)
      out.append(",\"").append(name).append("\":{");
    else
      out += ',';
    first = false;
    json_append_string(out, word);
    out += ':';
    append_rounded(out, static_cast<double>(more) / seconds);
  }
  if (!first) out += '}';
}

void append_times(std::string& out, std::string_view name, const TimeCounts& now, const TimeCounts& before,
                  std::span<const double> bounds) {
  TimeCounts counts{};
  for (std::size_t i = 0; i <= bounds.size(); ++i) counts[i] = grown(now[i], before[i]);
  const std::span<const std::uint64_t> used(counts.data(), bounds.size() + 1);
  const double half = percentile(used, bounds, 0.5);
  if (half < 0) return;
  out.append(",\"").append(name).append("\":{\"p50\":");
  append_rounded(out, half * 1e3);
  out += ",\"p99\":";
  append_rounded(out, percentile(used, bounds, 0.99) * 1e3);
  out += '}';
}

}  // namespace

void append_rounded(std::string& out, double value) {
  std::array<char, 64> text{};
  const double rounded = std::round(value * 100) / 100;
  out.append(text.data(), std::to_chars(text.data(), text.data() + text.size(), rounded).ptr);
}

double percentile(std::span<const std::uint64_t> counts, std::span<const double> bounds, double q) noexcept {
  std::uint64_t all = 0;
  for (const std::uint64_t count : counts) all += count;
  if (all == 0 || bounds.empty()) return -1;
  const double wanted = q * static_cast<double>(all);
  double below = 0;
  for (std::size_t i = 0; i < bounds.size(); ++i) {
    const auto here = static_cast<double>(counts[i]);
    if (here > 0 && below + here >= wanted) {
      const double from = i == 0 ? 0 : bounds[i - 1];
      return from + (bounds[i] - from) * std::max(0.0, wanted - below) / here;
    }
    below += here;
  }
  return bounds.back();
}

void TallyWindow::add(TimePoint at, Tally tally) {
  kept_.push_back({at, std::move(tally)});
  if (kept_.size() > kKept) kept_.pop_front();
}

void TallyWindow::append(std::string& out, std::span<const double> took_bounds,
                         std::span<const double> overhead_bounds) const {
  if (kept_.size() < 2) return;
  const Tally& before = kept_.front().tally;
  const Tally& now = kept_.back().tally;
  const double seconds = std::chrono::duration<double>(kept_.back().at - kept_.front().at).count();
  if (seconds <= 0) return;
  out += ",\"rates\":{\"requests\":";
  append_rounded(out, static_cast<double>(grown(now.requests, before.requests)) / seconds);
  out += ",\"errors\":";
  append_rounded(out, static_cast<double>(grown(now.errors, before.errors)) / seconds);
  append_words(out, "retries", now.retries, before.retries, seconds);
  append_words(out, "hedges", now.hedges, before.hedges, seconds);
  append_words(out, "fallbacks", now.fallbacks, before.fallbacks, seconds);
  append_words(out, "rejected", now.rejected, before.rejected, seconds);
  out += '}';
  append_times(out, "latency", now.took, before.took, took_bounds);
  append_times(out, "overhead", now.overhead, before.overhead, overhead_bounds);
}

}  // namespace weir
