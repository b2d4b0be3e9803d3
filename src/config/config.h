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

/// One entry of `listen`.
struct ListenConfig {
  AddressConfig address;
  std::vector<std::string> allowed_hosts;  // of this address; empty: the top-level list
  bool error_status_http = false;          // error_status: http turns 1004, 1005 and 1012 into 503
  bool operator==(const ListenConfig&) const = default;
};

/// `limits`, in bytes and counts.
struct LimitsConfig {
  std::size_t body = 4 * 1024 * 1024;
  std::size_t header = 32 * 1024;
  std::size_t message = 16 * 1024 * 1024;  // one message from an upstream
  std::size_t connections = 10'000;
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

/// `tools.NAME` of a server.
struct ToolConfig {
  std::optional<std::chrono::milliseconds> timeout;
  bool operator==(const ToolConfig&) const = default;
};

/// One configured server. Exactly one of url, command and builtin is set, as `type` says.
struct ServerConfig {
  enum class Type : std::uint8_t { http, stdio, sse, builtin };
  /// Who shares a session with an old server: as the transport suggests, all clients, or nobody.
  enum class Session : std::uint8_t { automatic, shared, per_client };
  std::string name;
  Type type = Type::http;
  std::string url;                                           // as written, variables substituted
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
  std::map<std::string, ToolConfig> tools;
  bool operator==(const ServerConfig&) const = default;
};

struct Config {
  unsigned threads = 0;  // 0: one shard per core
  std::vector<ListenConfig> listen;
  std::optional<AddressConfig> admin;  // nothing: off
  std::vector<std::string> allowed_origins;
  std::vector<std::string> allowed_hosts;
  bool allow_unauthenticated = false;
  LimitsConfig limits;
  LogConfig log;
  NamesConfig names;
  TimeoutConfig timeout;
  std::chrono::milliseconds drain_timeout = std::chrono::seconds(10);
  std::vector<ServerConfig> servers;  // in the order of the file, disabled ones included
  bool operator==(const Config&) const = default;
};

}  // namespace weir
