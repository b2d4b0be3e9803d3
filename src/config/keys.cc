// The table itself. Order is the order of the reference and of the printed configuration.
// Load balancing and health are in keys_balance.cc, resilience is in keys_resilience.cc.
#include "config/describe.h"
#include "config/table.h"
#include "config/text_rules.h"

namespace weir {
namespace {

using namespace table;
using Kind = Shape::Kind;

constexpr std::uint64_t kKilo = 1024, kMega = 1024 * kKilo, kGiga = 1024 * kMega;
constexpr std::string_view kLevels[] = {"debug", "info", "warn", "error"};
constexpr std::string_view kFormats[] = {"json", "text"};
constexpr std::string_view kAccess[] = {"all", "errors", "off"};
constexpr std::string_view kPrefixes[] = {"auto", "always", "never"};
constexpr std::string_view kStatuses[] = {"jsonrpc", "http"};
constexpr std::string_view kTypes[] = {"http", "stdio", "sse", "streamable-http", "streamableHttp"};
constexpr std::string_view kBuiltins[] = {"demo"};
constexpr std::string_view kSessions[] = {"auto", "shared", "per_client"};
constexpr std::string_view kResolve[] = {"off", "dns"};
constexpr std::string_view kPins[] = {"off", "warn", "enforce"};

bool shows_url(const ServerConfig& server) {
  return server.endpoints.empty() ||
         (server.endpoints.size() == 1 && server.endpoints.front() == EndpointConfig{server.url});
}

}  // namespace

const Block& listen_block() {
  static const Block block{
      "Object form of `listen`",
      {bound<&ListenConfig::address>("address", {.kind = Kind::address}, "",
                                     "Where to listen; port 0 picks a free one."),
       bound<&ListenConfig::tls>("tls", table::block(listen_tls_block()), "",
                                 "Serves TLS 1.2 and 1.3 here, and nothing else."),
       bound<&ListenConfig::allowed_hosts>(
           "allowed_hosts", texts(host_fault), "[]",
           "Host names served on this address, instead of the top-level list."),
       bound<&ListenConfig::error_status_http>(
           "error_status", choice(kStatuses), "jsonrpc",
           "How calls that cannot be served are answered: status 200 with a JSON-RPC "
           "error, or with `http` 503 for overload, no healthy endpoint and shutdown.")}};
  return block;
}

const Block& admin_block() {
  static const Block block{
      "Object form of `admin`",
      {bound<&AdminConfig::address>("address", {.kind = Kind::address}, "",
                                    "Where to listen; port 0 picks a free one."),
       bound<&AdminConfig::token>("token", hiding(Shape::Secret::whole, text(token_fault)), "",
                                  "What every request here must bring, as bearer token or as password of "
                                  "Basic authentication."),
       bound<&AdminConfig::tls>("tls", table::block(listen_tls_block()), "",
                                "Serves TLS 1.2 and 1.3 here, and nothing else.")}};
  return block;
}

const Block& listen_tls_block() {
  static const Block block{
      "`tls` of `listen` and `admin`",
      {bound<&ListenTlsConfig::cert>(
           "cert", text(not_empty_fault), "",
           "A PEM file with the certificate and those that lead to its issuer; read "
           "again when it changes."),
       bound<&ListenTlsConfig::key>("key", text(not_empty_fault), "",
                                    "A PEM file with its key; read again when it changes.")}};
  return block;
}

const Block& auth_block() {
  static const Block block{"`auth`",
                           {bound<&AuthConfig::bearer_tokens>(
                               "bearer_tokens", hiding(Shape::Secret::whole, texts(token_fault)), "[]",
                               "Clients must send one of these in `Authorization: Bearer TOKEN`.")}};
  return block;
}

const Block& limits_block() {
  static const Block block{
      "`limits`",
      {bound<&LimitsConfig::body>("body", size(kKilo, kGiga), "4MB", "The largest request body of a client."),
       bound<&LimitsConfig::header>("header", size(kKilo, kMega), "32KB",
                                    "The largest head of an HTTP message."),
       bound<&LimitsConfig::message>("message", size(kKilo, kGiga), "16MB",
                                     "The largest message from an upstream."),
       bound<&LimitsConfig::buffers>("buffers", size(16 * kMega, 1024 * kGiga), "512MB",
                                     "What bodies and messages may take in memory, in all: from nine tenths "
                                     "of it on, requests are told to come back (503)."),
       bound<&LimitsConfig::connections>(
           "connections", count(1, 1'000'000), "10000",
           "Connections of clients at a time; idle ones make room for new ones."),
       bound<&LimitsConfig::connections_per_address>(
           "connections_per_address", count(1, 1'000'000), "",
           "Those of one address at a time; unless set, half of `connections`.")}};
  return block;
}

const Block& log_block() {
  static const Shape modules{.kind = Kind::choice_map, .choices = kLevels, .name_rule = module_name_fault};
  static const Block block{
      "`log`",
      {bound<&LogConfig::level>("level", choice(kLevels), "info", "The least level that is written."),
       bound<&LogConfig::format>("format", choice(kFormats), "json",
                                 "One JSON object a line, or text for people."),
       bound<&LogConfig::access>("access", choice(kAccess), "errors",
                                 "Which requests get a line of their own."),
       bound<&LogConfig::modules>("modules", modules, "{}",
                                  "Levels of single modules, such as `{health: debug}`.")}};
  return block;
}

const Block& names_block() {
  static const Block block{
      "`names`",
      {bound<&NamesConfig::prefix>(
           "prefix", choice(kPrefixes), "auto",
           "Whether listed names carry their server's name in front; `auto`: with several servers."),
       bound<&NamesConfig::separator>("separator", text(separator_fault), "__",
                                      "What stands between a server's name and the name of its tool.")}};
  return block;
}

const Block& timeout_block() {
  static const Block block{
      "`timeout`",
      {bound<&TimeoutConfig::request>("request", duration(1, kDay), "5m",
                                      "A whole call; progress starts it anew."),
       bound<&TimeoutConfig::connect>("connect", duration(1, kHour), "5s",
                                      "Opening a connection to an upstream."),
       bound<&TimeoutConfig::list>("list", duration(1, kHour), "1s",
                                   "What an aggregated list waits for a server that is up."),
       bound<&TimeoutConfig::startup>("startup", duration(1, kHour), "15s",
                                      "What the first lists wait for servers that are still starting."),
       bound<&TimeoutConfig::input>("input", duration(1, kDay), "10m",
                                    "What a call waits for its client's own answer to what the server asks; "
                                    "the call's deadline stands still meanwhile.")}};
  return block;
}

const Block& tls_block() {
  static const Block block{"`tls` of a server",
                           {bound<&ServerConfig::tls_ca>(
                               "ca", text(not_empty_fault), "",
                               "A PEM file of certificates to trust, instead of the system's trust store.")}};
  return block;
}

const Block& tool_block() {
  static const Block block{
      "`tools` of a server",
      {bound<&ToolConfig::timeout>("timeout", duration(1, kDay), "",
                                   "A whole call of this tool, instead of `timeout.request`."),
       bound<&ToolConfig::fallback>(
           "fallback", table::block(fallback_block()), "",
           "What stands in for an answer that cannot be had, instead of the server's."),
       bound<&ToolConfig::safe_to_repeat>("safe_to_repeat", {.kind = Kind::flag}, "",
                                          "Whether a call may be sent again after it was seen, whatever the "
                                          "tool's annotations say."),
       bound<&ToolConfig::max_concurrent>("max_concurrent", count(1, 1'000'000), "",
                                          "Calls of this tool that may be under way at a time; others wait "
                                          "in the queue of `bulkhead`.")}};
  return block;
}

const Block& server_block() {
  using Goes = Field::Goes;
  static constexpr std::string_view kPlanned[] = {"auth", "max_concurrent"};
  static constexpr std::string_view kForeign[] = {
      "alwaysAllow",   "autoApprove",    "autoapprove",  "autoStart", "description", "disabledTools",
      "displayName",   "enabledTools",   "excludeTools", "icon",      "id",          "includeTools",
      "initTimeout",   "metadata",       "name",         "note",      "oauth",       "roots",
      "sandbox",       "sandboxEnabled", "source",       "timeout",   "tools",       "transport",
      "transportType", "trust"};
  static constexpr std::string_view kForeignAnywhere[] = {"dev", "envFile", "gallery", "version"};
  // The member is the server itself: `tls` is a block in the file, its one key a plain member.
  static Field tls =
      bound<&ServerConfig::tls_ca>("tls", block(tls_block()), "", "Trust in the server's certificate.");
  tls.read = [](Reader& reader, const YamlNode& node, const Field& self, void* owner) {
    reader.value(node, self, *static_cast<ServerConfig*>(owner));
  };
  tls.show = [](std::string& json, const Field&, const void* owner) {
    if (static_cast<const ServerConfig*>(owner)->tls_ca.empty()) return false;
    return config_json::put_block(json, tls_block(), owner);
  };
  // One address is shown as `url`, more of them or one with keys of its own as `endpoints`.
  static Field url = bound<&ServerConfig::url>("url", hiding(Shape::Secret::url, text(url_fault)), "",
                                               "The MCP endpoint of a server reached by HTTP.");
  url.show = [](std::string& json, const Field& self, const void* owner) {
    const auto& server = *static_cast<const ServerConfig*>(owner);
    return shows_url(server) && config_json::put(json, self, server.url);
  };
  static Field endpoints = bound<&ServerConfig::endpoints>(
      "endpoints", {.kind = Kind::endpoints, .block = &endpoint_block()}, "",
      "The MCP endpoints of a server that runs several times, instead of `url`: URLs, or blocks.");
  endpoints.show = [](std::string& json, const Field& self, const void* owner) {
    const auto& server = *static_cast<const ServerConfig*>(owner);
    return !shows_url(server) && config_json::put(json, self, server.endpoints);
  };
  static Field resolve =
      bound<&ServerConfig::resolve_dns>("resolve", {.kind = Kind::resolver, .choices = kResolve}, "off",
                                        "`dns`: each address that a host name stands for is an endpoint; the "
                                        "name is looked up again as its time to live says, by the system's "
                                        "name servers or by the one given.");
  resolve.read = [](Reader& reader, const YamlNode& node, const Field& self, void* owner) {
    reader.value_of_resolve(node, self, *static_cast<ServerConfig*>(owner));
  };
  resolve.show = [](std::string& json, const Field& self, const void* owner) {
    const auto& server = *static_cast<const ServerConfig*>(owner);
    if (server.endpoints.empty()) return false;
    const std::string own = server.dns_server.empty() ? "dns" : "dns://" + server.dns_server;
    return config_json::put(json, self, server.resolve_dns ? own : std::string("off"));
  };
  static Field replicas =
      bound<&ServerConfig::replicas>("replicas", count(1, 64), "1", "How many of it run at a time.");
  replicas.show = [](std::string& json, const Field& self, const void* owner) {
    const auto& server = *static_cast<const ServerConfig*>(owner);
    return server.type == ServerConfig::Type::stdio && config_json::put(json, self, server.replicas);
  };
  static const Block block_of_server{
      "A server",
      {bound<&ServerConfig::type>("type", choice(kTypes), "",
                                  "Follows from `url` or `command`, which for a server of HTTP+SSE "
                                  "(2024-11-05) needs `sse` besides; `streamable-http` is `http`."),
       url,
       endpoints,
       going(Goes::with_url,
             bound<&ServerConfig::headers>("headers", secret_map(header_value_fault, header_name_fault), "{}",
                                           "Header fields sent with every request.")),
       going(Goes::with_url, tls),
       going(Goes::with_url, resolve),
       bound<&ServerConfig::command>("command", text(not_empty_fault), "",
                                     "The program of a server that Weir starts and speaks to by stdio."),
       going(Goes::with_command,
             bound<&ServerConfig::args>("args", hiding(Shape::Secret::arguments, texts(nullptr)), "[]",
                                        "Its arguments.")),
       going(Goes::with_command,
             bound<&ServerConfig::env>("env", secret_map(nullptr, environment_name_fault), "{}",
                                       "Environment variables besides HOME, LOGNAME, PATH, SHELL, TERM, "
                                       "USER, the locale and TMPDIR.")),
       going(Goes::with_command, bound<&ServerConfig::cwd>("cwd", text(not_empty_fault), "",
                                                           "Its working directory; Weir's own unless set.")),
       going(Goes::with_command, replicas),
       bound<&ServerConfig::builtin>("builtin", choice(kBuiltins), "", "A server inside Weir: `demo`."),
       bound<&ServerConfig::disabled>("disabled", {.kind = Kind::flag}, "false", "Leaves the server out."),
       bound<&ServerConfig::session>(
           "session", choice(kSessions), "auto",
           "Whether clients share a session with a server of the revisions before 2026-07-28; `auto`: each "
           "its "
           "own over HTTP, one for all with a child until it asks its client for something."),
       bound<&ServerConfig::timeout>("timeout", block(timeout_block()), "",
                                     "Overrides the top-level block key by key."),
       bound<&ServerConfig::load_balancing>("load_balancing", block(load_balancing_block()), "",
                                            "Overrides the top-level block key by key."),
       bound<&ServerConfig::health_check>("health_check", block(health_check_block()), "",
                                          "Overrides the top-level block key by key."),
       bound<&ServerConfig::outlier_detection>("outlier_detection", block(outlier_detection_block()), "",
                                               "Overrides the top-level block key by key."),
       bound<&ServerConfig::circuit_breaker>("circuit_breaker", switchable(circuit_breaker_block()), "",
                                             "Overrides the top-level block key by key; `false`: none."),
       bound<&ServerConfig::retry>("retry", switchable(retry_block()), "",
                                   "Overrides the top-level block key by key; `false`: none."),
       bound<&ServerConfig::hedge>("hedge", switchable(hedge_block()), "",
                                   "Overrides the top-level block key by key; `false`: none."),
       bound<&ServerConfig::bulkhead>("bulkhead", switchable(bulkhead_block()), "",
                                      "Overrides the top-level block key by key; `false`: none."),
       bound<&ServerConfig::fallback>("fallback", block(fallback_block()), "",
                                      "What stands in for an answer that cannot be had."),
       bound<&ServerConfig::trust_annotations>("trust_annotations", {.kind = Kind::flag}, "true",
                                               "Whether what a tool says of itself (`readOnlyHint`, "
                                               "`idempotentHint`) decides if its calls may be "
                                               "repeated."),
       bound<&ServerConfig::pin>("pin", choice(kPins), "off",
                                 "What becomes of tools that are not defined as they were approved: `warn` "
                                 "says so, `enforce` keeps them from clients until `weir approve`. Needs "
                                 "`state_dir`."),
       bound<&ServerConfig::tools>("tools", block_map(tool_block(), tool_name_fault), "{}",
                                   "Settings of single tools.")},
      kPlanned,
      kForeign,
      kForeignAnywhere};
  return block_of_server;
}

const Block& root_block() {
  static constexpr std::string_view kForeign[] = {"globalShortcut", "preferences", "sandbox"};
  static constexpr std::string_view kForeignAnywhere[] = {"inputs"};
  static const Shape servers = block_map(server_block(), nullptr);
  static const Block block_of_root{
      "Top level",
      {ignored("$schema", "For editors; not used."),
       bound<&Config::threads>("threads", {.kind = Kind::auto_count, .min = 1, .max = 1024}, "auto",
                               "Shards; `auto`: one a core."),
       bound<&Config::listen>(
           "listen", {.kind = Kind::listen, .block = &listen_block()}, "127.0.0.1:8080",
           "Where clients connect; the MCP endpoint is `http://ADDRESS/mcp`. Port 0 picks a free one."),
       bound<&Config::admin>("admin", {.kind = Kind::admin, .block = &admin_block()}, "127.0.0.1:9901",
                             "Where operators connect: metrics, health, dashboard; `false` turns it off."),
       bound<&Config::metrics_listen>(
           "metrics_listen", {.kind = Kind::off_address}, "false",
           "An address that serves `/metrics`, `/livez` and `/readyz` and nothing else, to whoever asks."),
       bound<&Config::allowed_origins>("allowed_origins", texts(origin_fault), "[]",
                                       "Browsers' origins that may call, such as `http://localhost:3000`; "
                                       "`http://localhost:*` is any port."),
       bound<&Config::allowed_hosts>(
           "allowed_hosts", texts(host_fault), "[]",
           "Host names served; loopback names always when bound to loopback; empty elsewhere: any."),
       bound<&Config::auth>("auth", block(auth_block()), "", "Who may call."),
       bound<&Config::allow_unauthenticated>(
           "allow_unauthenticated", {.kind = Kind::flag}, "false",
           "Permits addresses that other machines can reach, though nothing asks callers who they are."),
       bound<&Config::limits>("limits", block(limits_block()), "", "Bounds of what is read."),
       bound<&Config::log>("log", block(log_block()), "", "What is logged."),
       bound<&Config::names>("names", block(names_block()), "",
                             "How names of several servers are kept apart."),
       bound<&Config::timeout>("timeout", block(timeout_block()), "",
                               "How long things may take; a server's block overrides it."),
       bound<&Config::load_balancing>(
           "load_balancing", block(load_balancing_block()), "",
           "Which of a server's endpoints gets a call; a server's block overrides it."),
       bound<&Config::health_check>(
           "health_check", block(health_check_block()), "",
           "How endpoints are asked whether they are well; a server's block overrides it."),
       bound<&Config::outlier_detection>(
           "outlier_detection", block(outlier_detection_block()), "",
           "What calls say about an endpoint's health; a server's block overrides it."),
       bound<&Config::circuit_breaker>(
           "circuit_breaker", switchable(circuit_breaker_block()), "",
           "When an endpoint gets no calls because they fail, and how it is tried again; a server's block "
           "overrides it; `false`: never."),
       bound<&Config::retry>(
           "retry", switchable(retry_block()), "",
           "When a call that failed is tried again; a server's block overrides it; `false`: "
           "never."),
       bound<&Config::hedge>("hedge", switchable(hedge_block()), "",
                             "When a call that takes long is sent to a second endpoint, too: never unless "
                             "written; a server's block overrides it."),
       bound<&Config::bulkhead>(
           "bulkhead", switchable(bulkhead_block()), "",
           "How many calls of a server may be under way, and wait, at a time; a server's "
           "block overrides it; `false`: any number."),
       bound<&Config::degradation>("degradation", {.kind = Kind::block_list, .block = &degradation_block()},
                                   "[]", "What is otherwise while a server, or the gateway, is not well."),
       bound<&Config::state_dir>("state_dir", text(not_empty_fault), "",
                                 "A directory for what must outlive a restart; nothing is kept unless set."),
       bound<&Config::drain_timeout>("drain_timeout", duration(0, kHour), "10s",
                                     "What a stop waits for calls in flight."),
       late(bound<&Config::servers>("servers", servers, "{}", "The servers behind the gateway, by name.")),
       late(hidden(bound<&Config::servers>("mcpServers", servers, "{}",
                                           "The same as `servers`, as clients write it.")))},
      {},
      kForeign,
      kForeignAnywhere};
  return block_of_root;
}

}  // namespace weir
