// The table, continued: the keys of what stands between a fault and a client (R12 to R16).
#include "config/describe.h"
#include "config/table.h"
#include "config/text_rules.h"

namespace weir {
namespace {

using namespace table;
using Kind = Shape::Kind;

constexpr std::string_view kJitters[] = {"full", "equal", "decorrelated"};
constexpr std::string_view kWhens[] = {"server_degraded", "server_unhealthy", "gateway_degraded",
                                       "gateway_unhealthy"};
constexpr std::string_view kSheds[] = {"none", "low", "normal"};

}  // namespace

const Block& circuit_breaker_block() {
  using Breaker = CircuitBreakerConfig;
  static const Block block{
      "`circuit_breaker`",
      {bound<&Breaker::failure_threshold>("failure_threshold", count(1, 10'000), "5",
                                          "Failed calls in a row that open an endpoint's circuit."),
       bound<&Breaker::success_threshold>("success_threshold", count(1, 10'000), "3",
                                          "Good calls in a row that close it again."),
       bound<&Breaker::timeout>(
           "timeout", duration(1, kDay), "30s",
           "The longest that it stays open before calls try the endpoint again; it is mostly less."),
       bound<&Breaker::half_open_max_requests>("half_open_max_requests", count(1, 100), "3",
                                               "Calls that may try the endpoint at a time."),
       bound<&Breaker::error_rate_threshold>(
           "error_rate_threshold", share(0, 100), "50%",
           "The share of failed calls in the window of `outlier_detection` that opens it; 0: it is not "
           "looked at.")}};
  return block;
}

const Block& retry_block() {
  using Retry = RetryConfig;
  static const Block block{
      "`retry`",
      {bound<&Retry::max_attempts>("max_attempts", count(1, 10), "3",
                                   "How often a call is tried, the first time included."),
       bound<&Retry::initial_delay>("initial_delay", duration(0, kHour), "25ms",
                                    "The longest pause before the second attempt; it doubles each time."),
       bound<&Retry::max_delay>("max_delay", duration(0, kHour), "250ms", "What no pause is longer than."),
       bound<&Retry::jitter>("jitter", choice(kJitters), "full",
                             "Chance in the pause: all of it, half of it, or up to three times the one "
                             "before."),
       bound<&Retry::budget>("budget", share(0, 100), "20%",
                             "The share of calls by which retries may add to them."),
       bound<&Retry::budget_reserve>("budget_reserve", count(0, 10'000), "10",
                                     "Retries a second that are allowed however few calls there are.")}};
  return block;
}

const Block& hedge_block() {
  using Hedge = HedgeConfig;
  static const Block block{
      "`hedge`",
      {bound<&Hedge::delay>("delay", {.kind = Kind::percentile, .min = 1, .max = kHour}, "p95",
                            "When a second endpoint is asked too: after a time, or once a call takes longer "
                            "than so many percent of its kind do."),
       bound<&Hedge::budget>("budget", share(0, 100), "5%",
                             "The share of calls by which hedges may add to them.")}};
  return block;
}

const Block& bulkhead_block() {
  using Bulkhead = BulkheadConfig;
  static const Block block{
      "`bulkhead`",
      {bound<&Bulkhead::max_concurrent>("max_concurrent", count(1, 1'000'000), "256",
                                        "Calls to a server that may be under way at a time."),
       bound<&Bulkhead::max_queue>("max_queue", count(0, 1'000'000), "64",
                                   "Calls that may wait for one of these to end."),
       bound<&Bulkhead::queue_timeout>("queue_timeout", duration(1, kHour), "100ms",
                                       "How long each of them may wait."),
       bound<&Bulkhead::client_share>("client_share", share(1, 100), "50%",
                                      "The share of these that one client may have; at least one call."),
       bound<&Bulkhead::adaptive>("adaptive", {.kind = Kind::flag}, "false",
                                  "Whether the limit follows how long calls take; `max_concurrent` is then "
                                  "the most that it grows to.")}};
  return block;
}

const Block& fallback_block() {
  using Fallback = FallbackConfig;
  static const Block block{
      "`fallback`",
      {bound<&Fallback::server>("server", text(not_empty_fault), "",
                                "Another server that is asked for the same, by its own name for it."),
       bound<&Fallback::text>("text", text(not_empty_fault), "",
                              "The text of a fixed answer to calls of tools, instead of `server`."),
       bound<&Fallback::error>(
           "error", {.kind = Kind::flag}, "true",
           "Whether the fixed answer says `isError`, so that nobody takes it for real.")}};
  return block;
}

const Block& degradation_block() {
  using Rule = DegradationRule;
  static const Block block{
      "An entry of `degradation`",
      {bound<&Rule::when>("when", choice(kWhens), "",
                          "While this is so: of the server that is called, or of the whole gateway. What is "
                          "unhealthy is degraded, too."),
       bound<&Rule::hedge>("hedge", {.kind = Kind::flag}, "true", "`false`: no hedge goes out."),
       bound<&Rule::retry>("retry", {.kind = Kind::flag}, "true", "`false`: nothing is tried again."),
       bound<&Rule::shed>("shed", choice(kSheds), "none",
                          "Which calls are refused: of `low` priority, or of `normal` as well.")}};
  return block;
}

}  // namespace weir
