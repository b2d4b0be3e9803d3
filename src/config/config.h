// The configuration as plain data: what the file says, defaults filled in, durations and sizes in base units,
// environment variables substituted. Made by config/load, checked as a whole; compiled by gateway/plan.
#pragma once

#include <chrono>
#include <cstddef>
#include <cstdint>
#include <map>
#include <optional>
#include <string>
#include <utility>
#include <vector>

namespace weir {

/// `address` is "HOST:PORT" split; the host without brackets.
struct AddressConfig {
  std::string host;
  std::uint16_t port = 0;
  bool operator==(const AddressConfig&) const = default;
};

/// `tls` of an address: PEM files, both set or neither.
struct ListenTlsConfig {
  std::string cert;  // the certificate and what leads to its issuer; empty: no TLS
  std::string key;
  bool operator==(const ListenTlsConfig&) const = default;
};

/// One entry of `listen`.
struct ListenConfig {
  AddressConfig address;
  ListenTlsConfig tls;
  std::vector<std::string> allowed_hosts;  // of this address; empty: the top-level list
  bool error_status_http = false;          // error_status: http turns 1004, 1005 and 1012 into 503
  bool operator==(const ListenConfig&) const = default;
};

/// `admin`.
struct AdminConfig {
  AddressConfig address;
  std::string token;  // what operators send; empty: nobody is asked
  ListenTlsConfig tls;
  bool operator==(const AdminConfig&) const = default;
};

/// `auth`: who may call.
struct AuthConfig {
  std::vector<std::string> bearer_tokens;  // empty: nobody is asked
  bool operator==(const AuthConfig&) const = default;
};

/// `limits`, in bytes and counts.
struct LimitsConfig {
  std::size_t body = 4 * 1024 * 1024;
  std::size_t header = 32 * 1024;
  std::size_t message = 16 * 1024 * 1024;   // one message from an upstream
  std::size_t buffers = 512 * 1024 * 1024;  // of bodies and messages, in all
  std::size_t connections = 10'000;
  std::optional<std::size_t> connections_per_address;  // nothing: half of `connections`
  bool operator==(const LimitsConfig&) const = default;
};

/// Severities of the log, the lowest first.
enum class LogLevel : std::uint8_t { debug, info, warn, error };

/// `log`.
struct LogConfig {
  /// How a line looks, and which calls get one.
  enum class Format : std::uint8_t { json, text };
  enum class Access : std::uint8_t { all, errors, off };
  LogLevel level = LogLevel::info;
  Format format = Format::json;
  Access access = Access::errors;
  std::map<std::string, LogLevel> modules;
  bool operator==(const LogConfig&) const = default;
};

/// `names`.
struct NamesConfig {
  /// When a server's name goes in front of its tools.
  enum class Prefix : std::uint8_t { automatic, always, never };
  Prefix prefix = Prefix::automatic;
  std::string separator = "__";
  bool operator==(const NamesConfig&) const = default;
};

/// `timeout`, of all servers or of one.
struct TimeoutConfig {
  std::chrono::milliseconds request = std::chrono::minutes(5);
  std::chrono::milliseconds connect = std::chrono::seconds(5);
  std::chrono::milliseconds list = std::chrono::seconds(1);
  std::chrono::milliseconds startup = std::chrono::seconds(15);
  std::chrono::milliseconds input = std::chrono::minutes(10);
  bool operator==(const TimeoutConfig&) const = default;
};

/// `load_balancing`, of all servers or of one: who of several endpoints gets a call (R5, R6).
struct LoadBalancingConfig {
  enum class Strategy : std::uint8_t {
    round_robin,
    weighted_round_robin,
    least_connections,
    consistent_hash,
    adaptive_latency,
    random
  };
  /// What calls to the same endpoint have in common, with consistent_hash.
  enum class HashKey : std::uint8_t { client, session, tool, arguments, header };
  Strategy strategy = Strategy::adaptive_latency;
  std::chrono::milliseconds window = std::chrono::seconds(10);  // what adaptive_latency looks back on
  std::size_t virtual_nodes = 160;                              // points on the ring for each unit of weight
  HashKey hash_key = HashKey::client;
  std::string hash_header;     // with HashKey::header: its name, in lower case
  double bounded_load = 1.25;  // most calls in flight of one endpoint, by its fair share; 0: no bound
  std::map<std::string, std::size_t> weights;  // as written; what is read has them in the endpoints only
  double panic_threshold = 0.5;                // a smaller share of healthy ones: all are tried; 0: never
  std::chrono::milliseconds slow_start = std::chrono::seconds(5);  // from a tenth to the whole share; 0: off
  bool operator==(const LoadBalancingConfig&) const = default;
};

/// `health_check`: active probes (R7, R9).
struct HealthCheckConfig {
  enum class Type : std::uint8_t { mcp, tcp, http };
  Type type = Type::mcp;
  std::optional<std::chrono::milliseconds> interval;  // nothing: auto
  std::optional<std::chrono::milliseconds> timeout;   // nothing: auto
  std::size_t unhealthy_threshold = 2;
  std::size_t healthy_threshold = 2;
  double jitter = 0.1;                               // of the interval, either way
  std::string path = "/health";                      // with Type::http
  std::vector<std::size_t> expected_status = {200};  // with Type::http
  bool operator==(const HealthCheckConfig&) const = default;
};

/// `outlier_detection`: what real traffic says (R8).
struct OutlierDetectionConfig {
  bool enabled = true;
  std::size_t consecutive_failures = 3;  // connects, timeouts, resets, garbage
  std::size_t consecutive_5xx = 5;
  double error_rate = 0.5;        // of the window's calls; 0: not looked at
  std::size_t min_requests = 20;  // in the window, before its rate means anything
  std::chrono::milliseconds window = std::chrono::seconds(10);
  std::chrono::milliseconds base_ejection_time = std::chrono::milliseconds(500);
  std::chrono::milliseconds max_ejection_time = std::chrono::seconds(10);
  double max_ejected = 0.5;  // of a server's endpoints; one may always be
  bool operator==(const OutlierDetectionConfig&) const = default;
};

/// `circuit_breaker`, of each endpoint (R12). Its window is that of `outlier_detection`.
struct CircuitBreakerConfig {
  bool enabled = true;
  std::size_t failure_threshold = 5;                             // failed calls in a row
  std::size_t success_threshold = 3;                             // good ones in a row that close it
  std::chrono::milliseconds timeout = std::chrono::seconds(30);  // the longest that it stays open at a time
  std::size_t half_open_max_requests = 3;                        // under way at a time
  double error_rate_threshold = 0.5;                             // of the window's calls; 0: not looked at
  bool operator==(const CircuitBreakerConfig&) const = default;
};

/// `retry` (R13).
struct RetryConfig {
  enum class Jitter : std::uint8_t { full, equal, decorrelated };
  bool enabled = true;
  std::size_t max_attempts = 3;  // the first one included
  std::chrono::milliseconds initial_delay = std::chrono::milliseconds(25);
  std::chrono::milliseconds max_delay = std::chrono::milliseconds(250);
  Jitter jitter = Jitter::full;
  double budget = 0.2;              // of the calls, by which retries may add to them
  std::size_t budget_reserve = 10;  // a second, whatever the calls
  bool operator==(const RetryConfig&) const = default;
};

/// When a hedge goes out: after a fixed time, or after that in which so many percent of such calls are
/// answered.
struct HedgeDelay {
  std::optional<std::chrono::milliseconds> fixed;
  unsigned percentile = 95;
  bool operator==(const HedgeDelay&) const = default;
};

/// `hedge` (R15).
struct HedgeConfig {
  bool enabled = false;  // until it is written
  HedgeDelay delay;
  double budget = 0.05;  // of the calls, by which hedges may add to them
  bool operator==(const HedgeConfig&) const = default;
};

/// `bulkhead` (R16).
struct BulkheadConfig {
  bool enabled = true;
  std::size_t max_concurrent = 256;
  std::size_t max_queue = 64;
  std::chrono::milliseconds queue_timeout = std::chrono::milliseconds(100);
  double client_share = 0.5;  // of max_concurrent, that one client may have
  bool adaptive = false;      // the limit follows how long calls take; max_concurrent is the most
  bool operator==(const BulkheadConfig&) const = default;
};

/// `fallback`, of a server or of one of its tools: what stands in for an answer that can't be had (R17).
struct FallbackConfig {
  std::string server;  // another one, asked in its place; empty: `text`
  std::string text;    // a fixed answer to calls of tools
  bool error = true;   // which says that it is none
  bool operator==(const FallbackConfig&) const = default;
};

/// One of `degradation`: what is otherwise while a server, or the whole, is not well (R19).
struct DegradationRule {
  enum class When : std::uint8_t { server_degraded, server_unhealthy, gateway_degraded, gateway_unhealthy };
  /// Which calls are refused: of low priority, or all that are not of high priority.
  enum class Shed : std::uint8_t { none, low, normal };
  When when = When::server_degraded;
  bool hedge = true;  // false: none goes out
  bool retry = true;  // false: nothing is tried again
  Shed shed = Shed::none;
  bool operator==(const DegradationRule&) const = default;
};

/// One of a server's `endpoints`.
struct EndpointConfig {
  std::string url;           // as written, variables substituted
  std::size_t weight = 1;    // 0: gets nothing new
  std::size_t priority = 0;  // a higher number is a backup
  bool operator==(const EndpointConfig&) const = default;
};

/// `tools.NAME` of a server.
struct ToolConfig {
  std::optional<std::chrono::milliseconds> timeout;
  std::optional<FallbackConfig> fallback;     // nothing: the server's
  std::optional<bool> safe_to_repeat;         // nothing: as its annotations say
  std::optional<std::size_t> max_concurrent;  // nothing: as many as the server takes
  bool operator==(const ToolConfig&) const = default;
};

/// One configured server: it has endpoints, a command or a builtin, as `type` says.
struct ServerConfig {
  enum class Type : std::uint8_t { http, stdio, sse, builtin };
  /// Who shares a session with an old server: as the transport suggests, all clients, or nobody.
  enum class Session : std::uint8_t { automatic, shared, per_client };
  /// What becomes of tools whose definitions were not approved: nothing, a warning, or clients do not get
  /// them.
  enum class Pin : std::uint8_t { off, warn, enforce };
  std::string name;
  Type type = Type::http;
  std::string url;                        // of the one endpoint; empty with several
  std::vector<EndpointConfig> endpoints;  // of a server reached by HTTP; made from `url` where that is given
  bool resolve_dns = false;               // each address of an endpoint's host name is an endpoint
  std::string dns_server;                 // "ADDRESS:PORT" of who is asked for them; empty: the system's
  std::size_t replicas = 1;               // children of a stdio server
  std::vector<std::pair<std::string, std::string>> headers;  // sent with every request
  std::string tls_ca;                                        // PEM file; empty: the system's trust store
  std::string command;
  std::vector<std::string> args;
  std::vector<std::pair<std::string, std::string>> env;
  std::string cwd;  // empty: Weir's own
  std::string builtin;
  bool disabled = false;
  Session session = Session::automatic;
  TimeoutConfig timeout;  // the top-level block with this server's keys over it
  // The top-level blocks with this server's keys over them.
  LoadBalancingConfig load_balancing;
  HealthCheckConfig health_check;
  OutlierDetectionConfig outlier_detection;
  CircuitBreakerConfig circuit_breaker;
  RetryConfig retry;
  HedgeConfig hedge;
  BulkheadConfig bulkhead;
  std::optional<FallbackConfig> fallback;
  bool may_shed = false;          // some rule of `degradation` refuses calls; follows from the top level
  bool trust_annotations = true;  // what a tool says of itself decides whether it may be repeated
  Pin pin = Pin::off;
  std::map<std::string, ToolConfig> tools;
  bool operator==(const ServerConfig&) const = default;
};

struct Config {
  unsigned threads = 0;  // 0: one shard per core
  std::vector<ListenConfig> listen;
  std::optional<AdminConfig> admin;             // nothing: off
  std::optional<AddressConfig> metrics_listen;  // nothing: off
  AuthConfig auth;
  std::vector<std::string> allowed_origins;
  std::vector<std::string> allowed_hosts;
  bool allow_unauthenticated = false;
  LimitsConfig limits;
  LogConfig log;
  NamesConfig names;
  TimeoutConfig timeout;
  LoadBalancingConfig load_balancing;
  HealthCheckConfig health_check;
  OutlierDetectionConfig outlier_detection;
  CircuitBreakerConfig circuit_breaker;
  RetryConfig retry;
  HedgeConfig hedge;
  BulkheadConfig bulkhead;
  std::vector<DegradationRule> degradation;
  std::string state_dir;  // where what must outlive a restart is kept; empty: nowhere
  std::chrono::milliseconds drain_timeout = std::chrono::seconds(10);
  std::vector<ServerConfig> servers;  // in the order of the file, disabled ones included
  bool operator==(const Config&) const = default;
};

}  // namespace weir
