// The table, continued: the keys of load balancing and of health (R5 to R9).
#include "config/describe.h"
#include "config/table.h"
#include "config/text_rules.h"

namespace weir {
namespace {

using namespace table;
using Kind = Shape::Kind;

constexpr std::uint64_t kWeightMax = 1000;
constexpr std::string_view kStrategies[] = {"round_robin",     "weighted_round_robin", "least_connections",
                                            "consistent_hash", "adaptive_latency",     "random"};
constexpr std::string_view kHashKeys[] = {"client", "session", "tool", "arguments"};
constexpr std::string_view kProbes[] = {"mcp", "tcp", "http"};

Field hash_key() {
  Field field;
  field.name = "hash_key";
  field.shape = {.kind = Kind::hash_key, .choices = kHashKeys};
  field.fallback = "client";
  field.doc = "What calls to the same endpoint have in common; `header:NAME`: that header of the client.";
  field.read = [](Reader& reader, const YamlNode& node, const Field& self, void* owner) {
    reader.value_of_hash_key(node, self, *static_cast<LoadBalancingConfig*>(owner));
  };
  field.show = [](std::string& json, const Field&, const void* owner) {
    const auto& config = *static_cast<const LoadBalancingConfig*>(owner);
    const bool header = config.hash_key == LoadBalancingConfig::HashKey::header;
    json += '"';
    json += header ? "header:" + config.hash_header : kHashKeys[static_cast<std::size_t>(config.hash_key)];
    json += '"';
    return true;
  };
  return field;
}

// Shown as the weights of the endpoints.
Field weights() {
  Field field;
  field.name = "weights";
  field.shape = {.kind = Kind::count_map, .min = 0, .max = kWeightMax};
  field.doc = "Weights by endpoint, instead of `weight` there; only in the block of a server.";
  field.read = [](Reader& reader, const YamlNode& node, const Field& self, void* owner) {
    reader.value(node, self, static_cast<LoadBalancingConfig*>(owner)->weights);
  };
  return hidden(field);
}

}  // namespace

const Block& endpoint_block() {
  static const Block block{
      "An entry of `endpoints`",
      {bound<&EndpointConfig::url>("url", hiding(Shape::Secret::url, text(url_fault)), "",
                                   "The MCP endpoint."),
       bound<&EndpointConfig::weight>("weight", count(0, kWeightMax), "1",
                                      "Its part of the calls beside the others' weights; 0: nothing new."),
       bound<&EndpointConfig::priority>("priority", count(0, 100), "0",
                                        "Those of a higher number are used where lower ones are not well.")}};
  return block;
}

const Block& load_balancing_block() {
  using Balancing = LoadBalancingConfig;
  static const Block block{
      "`load_balancing`",
      {bound<&Balancing::strategy>("strategy", choice(kStrategies), "adaptive_latency",
                                   "How the endpoint of a call is chosen."),
       when("strategy", "adaptive_latency",
            bound<&Balancing::window>("window", duration(10, kHour), "10s",
                                      "How far back an endpoint's answer times count.")),
       when("strategy", "consistent_hash",
            bound<&Balancing::virtual_nodes>("virtual_nodes", count(1, 100'000), "160",
                                             "Points on the ring for each unit of weight.")),
       when("strategy", "consistent_hash", hash_key()),
       when("strategy", "consistent_hash",
            bound<&Balancing::bounded_load>(
                "bounded_load", {.kind = Kind::factor, .min = 1, .max = 100}, "1.25",
                "How many times its fair share of the calls in flight an endpoint may have; 0: no bound.")),
       weights(),
       bound<&Balancing::panic_threshold>(
           "panic_threshold", share(0, 100), "50%",
           "With a smaller share of healthy endpoints all are tried, whatever is known of them; 0: never."),
       bound<&Balancing::slow_start>(
           "slow_start", duration(0, kHour), "5s",
           "How long an endpoint that was down takes to get its whole share again; 0s: at once. "
           "With consistent_hash it is at once.")}};
  return block;
}

const Block& health_check_block() {
  using Check = HealthCheckConfig;
  static const Block block{
      "`health_check`",
      {bound<&Check::type>(
           "type", choice(kProbes), "mcp",
           "How an endpoint is asked: by the protocol itself, by connecting, or by a GET; the "
           "last two of servers reached by HTTP."),
       bound<&Check::interval>(
           "interval", auto_duration(10, kHour), "auto",
           "The time between two probes; `auto`: 250ms with several endpoints, 15s with one."),
       bound<&Check::timeout>("timeout", auto_duration(1, kHour), "auto",
                              "What an answer may take; `auto`: four times the usual, at least 200ms."),
       bound<&Check::unhealthy_threshold>("unhealthy_threshold", count(1, 1000), "2",
                                          "Failed probes in a row that make an endpoint unhealthy."),
       bound<&Check::healthy_threshold>("healthy_threshold", count(1, 1000), "2",
                                        "Passed probes in a row that make it healthy again."),
       bound<&Check::jitter>("jitter", share(0, 50), "10%",
                             "How much of the interval a probe comes earlier or later, by chance."),
       when("type", "http",
            bound<&Check::path>("path", text(request_path_fault), "/health", "What the GET asks for.")),
       when(
           "type", "http",
           bound<&Check::expected_status>("expected_status", {.kind = Kind::statuses, .min = 200, .max = 599},
                                          "200", "What a healthy endpoint answers it with."))}};
  return block;
}

const Block& outlier_detection_block() {
  using Outliers = OutlierDetectionConfig;
  static const Block block{
      "`outlier_detection`",
      {bound<&Outliers::enabled>("enabled", {.kind = Kind::flag}, "true",
                                 "Whether failing calls take an endpoint out for a while."),
       bound<&Outliers::consecutive_failures>(
           "consecutive_failures", count(1, 10'000), "3",
           "Calls in a row that end in a failed connection, a timeout, a cut or nonsense, and take it out."),
       bound<&Outliers::consecutive_5xx>("consecutive_5xx", count(1, 10'000), "5",
                                         "Answers in a row with a status from 500 that take it out."),
       bound<&Outliers::error_rate>(
           "error_rate", share(0, 100), "50%",
           "The share of failed calls in the window that takes it out; 0: it is not looked at."),
       bound<&Outliers::min_requests>("min_requests", count(1, 1'000'000), "20",
                                      "Calls in the window before their share means anything."),
       bound<&Outliers::window>("window", duration(100, kHour), "10s", "How far back calls count."),
       bound<&Outliers::base_ejection_time>(
           "base_ejection_time", duration(1, kHour), "500ms",
           "How long it is out the first time; it is longer each time in a row. No time is longer than "
           "`circuit_breaker.timeout`, while that is on."),
       bound<&Outliers::max_ejection_time>("max_ejection_time", duration(1, kDay), "10s",
                                           "The longest that it is out at a time."),
       bound<&Outliers::max_ejected>("max_ejected", share(0, 100), "50%",
                                     "The share of a server's endpoints that may be out; one always may.")}};
  return block;
}

}  // namespace weir
