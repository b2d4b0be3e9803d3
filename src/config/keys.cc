#include "config/keys.h"

#include <algorithm>
#include <set>

#include "base/url.h"

namespace weir::config {
namespace {

using std::chrono::milliseconds;

constexpr std::string_view kDurationShape = R"("type":"string","pattern":"^[0-9]+(ms|s|m|h)$")";
constexpr std::string_view kSizeShape = R"("type":["string","integer"],"pattern":"^[0-9]+(KB|MB|GB)?$")";
constexpr std::string_view kTextShape = R"("type":"string")";
constexpr std::string_view kBooleanShape = R"("type":"boolean")";
constexpr std::string_view kTextsShape = R"("type":"array","items":{"type":"string"})";
constexpr std::string_view kPairsShape =
    R"("type":"object","additionalProperties":{"type":["string","number","boolean"]})";
constexpr std::string_view kBlockShape = R"("type":"object")";
constexpr std::string_view kLevelShape = R"("enum":["debug","info","warn","error"])";

bool same_header(std::string_view a, std::string_view b) {
  return std::equal(a.begin(), a.end(), b.begin(), b.end(),
                    [](char x, char y) { return (x | 32) == (y | 32); });
}

template <class T>
T& as(void* into) {
  return *static_cast<T*>(into);
}

// --- timeout
template <milliseconds TimeoutConfig::*Member, int LeastMs>
void timeout_key(Reader& reader, const YamlNode& node, void* into) {
  reader.duration(node, milliseconds(LeastMs), as<TimeoutConfig>(into).*Member);
}
constexpr Key kTimeout[] = {
    {"request", kDurationShape, "The whole call; progress starts it anew.",
     timeout_key<&TimeoutConfig::request, 1>},
    {"connect", kDurationShape, "One connection to an upstream.", timeout_key<&TimeoutConfig::connect, 1>},
    {"list", kDurationShape, "What an aggregated list waits for a server that is up.",
     timeout_key<&TimeoutConfig::list, 1>},
    {"startup", kDurationShape, "What the first lists wait for servers still starting.",
     timeout_key<&TimeoutConfig::startup, 1>},
};

// --- limits
template <std::size_t LimitsConfig::*Member, std::uint64_t Least>
void limit_key(Reader& reader, const YamlNode& node, void* into) {
  reader.size(node, Least, as<LimitsConfig>(into).*Member);
}
void connections_key(Reader& reader, const YamlNode& node, void* into) {
  std::uint64_t count = 0;
  if (reader.number(node, 1, 1'000'000, count)) as<LimitsConfig>(into).connections = count;
}
constexpr Key kLimits[] = {
    {"body", kSizeShape, "A client's message.", limit_key<&LimitsConfig::body, 1024>},
    {"header", kSizeShape, "A request's header block.", limit_key<&LimitsConfig::header, 1024>},
    {"message", kSizeShape, "One message from an upstream.", limit_key<&LimitsConfig::message, 1024>},
    {"connections", R"("type":"integer","minimum":1)", "Clients' connections in all.", connections_key},
};

// --- log
constexpr std::string_view kLevels[] = {"debug", "info", "warn", "error"};
void level_key(Reader& reader, const YamlNode& node, void* into) {
  if (const int word = reader.word(node, kLevels); word >= 0)
    as<LogConfig>(into).level = static_cast<LogLevel>(word);
}
void format_key(Reader& reader, const YamlNode& node, void* into) {
  constexpr std::string_view words[] = {"json", "text"};
  if (const int word = reader.word(node, words); word >= 0)
    as<LogConfig>(into).format = static_cast<LogConfig::Format>(word);
}
void access_key(Reader& reader, const YamlNode& node, void* into) {
  constexpr std::string_view words[] = {"all", "errors", "off"};
  if (const int word = reader.word(node, words); word >= 0)
    as<LogConfig>(into).access = static_cast<LogConfig::Access>(word);
}
void modules_key(Reader& reader, const YamlNode& node, void* into) {
  if (node.kind != YamlNode::Kind::map) return reader.error(node, "expected a block of modules and levels");
  for (const auto& [name, value] : node.members)
    if (const int word = reader.word(value, kLevels); word >= 0)
      as<LogConfig>(into).modules[name.text] = static_cast<LogLevel>(word);
}
constexpr Key kLog[] = {
    {"level", kLevelShape, "The least level that is written.", level_key},
    {"format", R"("enum":["json","text"])", "JSON lines or text.", format_key},
    {"access", R"("enum":["all","errors","off"])", "Which requests get a line of their own.", access_key},
    {"modules", kBlockShape, "Levels of single modules.", modules_key},
};

// --- names
void prefix_key(Reader& reader, const YamlNode& node, void* into) {
  constexpr std::string_view words[] = {"auto", "always", "never"};
  if (const int word = reader.word(node, words); word >= 0)
    as<NamesConfig>(into).prefix = static_cast<NamesConfig::Prefix>(word);
}
void separator_key(Reader& reader, const YamlNode& node, void* into) {
  std::string text;
  if (!reader.text(node, text)) return;
  const bool good = !text.empty() && text.size() <= 4 && text.find_first_not_of("_-.") == std::string::npos;
  if (!good) return reader.error(node, "a separator is 1 to 4 of the characters _ - .");
  as<NamesConfig>(into).separator = text;
}
constexpr Key kNames[] = {
    {"prefix", R"("enum":["auto","always","never"])",
     "auto: server__tool with several servers, no prefix with one.", prefix_key},
    {"separator", kTextShape, "Between a server's name and its tool's.", separator_key},
};

// --- listen, admin
void listen_address_key(Reader& reader, const YamlNode& node, void* into) {
  reader.address(node, as<ListenConfig>(into).address);
}
void listen_hosts_key(Reader& reader, const YamlNode& node, void* into) {
  reader.texts(node, as<ListenConfig>(into).allowed_hosts);
}
void error_status_key(Reader& reader, const YamlNode& node, void* into) {
  constexpr std::string_view words[] = {"jsonrpc", "http"};
  if (const int word = reader.word(node, words); word >= 0)
    as<ListenConfig>(into).error_status_http = word == 1;
}
constexpr Key kListen[] = {
    {"address", kTextShape, "HOST:PORT; port 0 picks a free one.", listen_address_key},
    {"allowed_hosts", kTextsShape, "Host names served on this address.", listen_hosts_key},
    {"error_status", R"("enum":["jsonrpc","http"])",
     "http: 503 for overload, no healthy endpoint and shutting down.", error_status_key},
};
void read_listen(Reader& reader, const YamlNode& node, std::vector<ListenConfig>& into) {
  ListenConfig one;
  if (node.kind == YamlNode::Kind::map) {
    reader.block(node, kListen, &one);
    if (node.find("address") == nullptr) return reader.error(node, "\"address\" is missing");
  } else if (!reader.address(node, one.address)) {
    return;
  }
  into.push_back(std::move(one));
}
void listen_key(Reader& reader, const YamlNode& node, void* into) {
  std::vector<ListenConfig>& all = as<Config>(into).listen;
  all.clear();
  if (node.kind != YamlNode::Kind::list) return read_listen(reader, node, all);
  for (const YamlNode& item : node.items) read_listen(reader, item, all);
  if (node.items.empty()) reader.error(node, "at least one address");
}
void admin_address_key(Reader& reader, const YamlNode& node, void* into) {
  reader.address(node, as<AddressConfig>(into));
}
constexpr Key kAdmin[] = {{"address", kTextShape, "HOST:PORT", admin_address_key}};
void admin_key(Reader& reader, const YamlNode& node, void* into) {
  auto& admin = as<Config>(into).admin;
  AddressConfig address;
  if (node.kind == YamlNode::Kind::scalar && node.plain && node.text == "false") {
    admin.reset();
  } else if (node.kind == YamlNode::Kind::map) {
    reader.block(node, kAdmin, &address);
    admin = address;
  } else if (reader.address(node, address)) {
    admin = address;
  }
}

// --- a server
void url_key(Reader& reader, const YamlNode& node, void* into) {
  auto& server = as<ServerConfig>(into);
  std::string reason;
  if (!reader.text(node, server.url)) return;
  if (!parse_url(server.url, reason)) reader.error(node, reason);
}
void type_key(Reader& reader, const YamlNode& node, void* into) {
  std::string text;
  if (!reader.text(node, text)) return;
  auto& server = as<ServerConfig>(into);
  if (text == "stdio")
    server.type = ServerConfig::Type::stdio;
  else if (text == "http" || text == "streamable-http" || text == "streamableHttp")
    server.type = ServerConfig::Type::http;
  else if (text == "sse")
    reader.error(node, "type \"sse\" is not supported yet");
  else
    reader.error(node, "expected one of: http, stdio");
}
void headers_key(Reader& reader, const YamlNode& node, void* into) {
  auto& server = as<ServerConfig>(into);
  if (!reader.pairs(node, server.headers)) return;
  constexpr std::string_view own[] = {
      "host",   "content-length", "transfer-encoding",    "connection", "content-type",
      "accept", "mcp-session-id", "mcp-protocol-version", "mcp-method", "mcp-name"};
  for (const auto& [name, value] : node.members) {
    const std::string& text = name.text;
    const bool token = !text.empty() && std::all_of(text.begin(), text.end(), [](char c) {
      return std::string_view("!#$%&'*+-.^_`|~").find(c) != std::string_view::npos ||
             (c >= '0' && c <= '9') || (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z');
    });
    if (!token) reader.error(name, "\"" + text + "\" is no header's name");
    for (const std::string_view one : own)
      if (same_header(one, text)) reader.error(name, "Weir sets the header " + text + " itself");
  }
}
void tls_ca_key(Reader& reader, const YamlNode& node, void* into) {
  reader.text(node, as<ServerConfig>(into).tls_ca);
}
constexpr Key kTls[] = {{"ca", kTextShape, "PEM file trusted instead of the system's store.", tls_ca_key}};
void tls_key(Reader& reader, const YamlNode& node, void* into) { reader.block(node, kTls, into); }
template <std::string ServerConfig::*Member>
void server_text_key(Reader& reader, const YamlNode& node, void* into) {
  reader.text(node, as<ServerConfig>(into).*Member);
}
void args_key(Reader& reader, const YamlNode& node, void* into) {
  reader.texts(node, as<ServerConfig>(into).args);
}
void env_key(Reader& reader, const YamlNode& node, void* into) {
  reader.pairs(node, as<ServerConfig>(into).env);
  for (const auto& [name, value] : node.members)
    if (name.text.empty() || name.text.find('=') != std::string::npos)
      reader.error(name, "no variable's name");
}
void builtin_key(Reader& reader, const YamlNode& node, void* into) {
  constexpr std::string_view words[] = {"demo"};
  if (reader.word(node, words) >= 0) as<ServerConfig>(into).builtin = "demo";
}
void disabled_key(Reader& reader, const YamlNode& node, void* into) {
  reader.boolean(node, as<ServerConfig>(into).disabled);
}
void server_timeout_key(Reader& reader, const YamlNode& node, void* into) {
  if (node.kind == YamlNode::Kind::scalar)
    return reader.warning(node,
                          "a client's own \"timeout\" means nothing to Weir; write timeout: {request: 30s}");
  reader.block(node, kTimeout, &as<ServerConfig>(into).timeout);
}
void tool_timeout_key(Reader& reader, const YamlNode& node, void* into) {
  milliseconds time{};
  if (reader.duration(node, milliseconds(1), time)) as<ToolConfig>(into).timeout = time;
}
constexpr Key kTool[] = {{"timeout", kDurationShape, "The whole call of this tool.", tool_timeout_key}};
void tools_key(Reader& reader, const YamlNode& node, void* into) {
  if (node.kind != YamlNode::Kind::map) return reader.error(node, "expected a block of tools");
  for (const auto& [name, value] : node.members)
    reader.block(value, kTool, &as<ServerConfig>(into).tools[name.text]);
}
constexpr Key kServer[] = {
    {"url", kTextShape, "The endpoint of a server over Streamable HTTP.", url_key},
    {"type", R"("enum":["http","stdio","streamable-http","streamableHttp"])",
     "Told by url or command where it is not written.", type_key},
    {"headers", kPairsShape, "Sent with every request to this server.", headers_key},
    {"tls", kBlockShape, "Trust of an https server.", tls_key},
    {"command", kTextShape, "The program of a stdio server, found on PATH, run without a shell.",
     server_text_key<&ServerConfig::command>},
    {"args", kTextsShape, "Its arguments.", args_key},
    {"env", kPairsShape, "Its environment beside the usual few variables.", env_key},
    {"cwd", kTextShape, "Its working directory.", server_text_key<&ServerConfig::cwd>},
    {"builtin", R"("enum":["demo"])", "A server inside the process.", builtin_key},
    {"disabled", kBooleanShape, "Left out.", disabled_key},
    {"timeout", kBlockShape, "This server's times over the top-level ones.", server_timeout_key},
    {"tools", kBlockShape, "Settings of single tools, by the server's own names.", tools_key},
};
constexpr std::string_view kForeign[] = {
    "autoApprove", "alwaysAllow",  "description",  "icon", "gallery", "envFile", "disabledTools", "enabled",
    "trust",       "includeTools", "excludeTools", "dev",  "version", "oauth",   "note"};

// --- the top
void threads_key(Reader& reader, const YamlNode& node, void* into) {
  std::uint64_t count = 0;
  if (node.kind == YamlNode::Kind::scalar && node.text == "auto")
    as<Config>(into).threads = 0;
  else if (reader.number(node, 1, 256, count))
    as<Config>(into).threads = static_cast<unsigned>(count);
}
void origins_key(Reader& reader, const YamlNode& node, void* into) {
  reader.texts(node, as<Config>(into).allowed_origins);
  for (const YamlNode& item : node.items)
    if (item.text.find("://") == std::string::npos || item.text.ends_with('/'))
      reader.error(item, "an origin is scheme://host[:port], such as http://localhost or http://localhost:*");
}
void hosts_key(Reader& reader, const YamlNode& node, void* into) {
  reader.texts(node, as<Config>(into).allowed_hosts);
}
void unauthenticated_key(Reader& reader, const YamlNode& node, void* into) {
  reader.boolean(node, as<Config>(into).allow_unauthenticated);
}
void limits_key(Reader& reader, const YamlNode& node, void* into) {
  reader.block(node, kLimits, &as<Config>(into).limits);
}
void log_key(Reader& reader, const YamlNode& node, void* into) {
  reader.block(node, kLog, &as<Config>(into).log);
}
void names_key(Reader& reader, const YamlNode& node, void* into) {
  reader.block(node, kNames, &as<Config>(into).names);
}
void timeout_block_key(Reader& reader, const YamlNode& node, void* into) {
  reader.block(node, kTimeout, &as<Config>(into).timeout);
}
void drain_key(Reader& reader, const YamlNode& node, void* into) {
  reader.duration(node, milliseconds(0), as<Config>(into).drain_timeout);
}
void ignore_key(Reader& reader, const YamlNode& node, void*) {
  reader.warning(node, "VS Code's inputs are not asked for; use ${VARIABLES}");
}
constexpr Key kTop[] = {
    {"threads", R"("type":["integer","string"])", "Shards; auto: one per core. Needs a restart.",
     threads_key},
    {"listen", R"("type":["string","object","array"])", "Where clients come in. Needs a restart.",
     listen_key},
    {"admin", R"("type":["string","object","boolean"])",
     "The operators' address; false turns it off. Needs a restart.", admin_key},
    {"allowed_origins", kTextsShape, "Browsers' origins that may come in.", origins_key},
    {"allowed_hosts", kTextsShape, "Host names served.", hosts_key},
    {"allow_unauthenticated", kBooleanShape, "Lets an address beyond loopback be bound.",
     unauthenticated_key},
    {"limits", kBlockShape, "Bounds of what comes in.", limits_key},
    {"log", kBlockShape, "What is written, and how.", log_key},
    {"names", kBlockShape, "How names of many servers are put together.", names_key},
    {"timeout", kBlockShape, "Times of every server.", timeout_block_key},
    {"drain_timeout", kDurationShape, "What calls in flight may take when Weir is told to end.", drain_key},
    {"servers", kBlockShape, "The servers behind the gateway.", read_servers},
    {"mcpServers", kBlockShape, "The same, as clients' files call it.", read_servers},
    {"inputs", R"("type":"array")", "Of VS Code's files; left out.", ignore_key},
};

bool server_name_good(const std::string& name) {
  return !name.empty() && name.size() <= 32 && std::all_of(name.begin(), name.end(), [](char c) {
    return c == '-' || c == '_' || c == '.' || (c >= '0' && c <= '9') || (c >= 'a' && c <= 'z') ||
           (c >= 'A' && c <= 'Z');
  });
}

void settle_type(Reader& reader, const YamlNode& at, const YamlNode& node, ServerConfig& server) {
  const int ways =
      (server.url.empty() ? 0 : 1) + (server.command.empty() ? 0 : 1) + (server.builtin.empty() ? 0 : 1);
  const bool written =
      node.find("url") != nullptr || node.find("command") != nullptr || node.find("builtin") != nullptr;
  if (ways == 0 && !written)
    return reader.error(at, "server \"" + server.name + "\" needs a url, a command or a builtin");
  if (ways > 1)
    return reader.error(at, "server \"" + server.name + "\" has more than one of url, command and builtin");
  const bool told = node.find("type") != nullptr;
  const auto type = !server.builtin.empty()   ? ServerConfig::Type::builtin
                    : !server.command.empty() ? ServerConfig::Type::stdio
                                              : ServerConfig::Type::http;
  if (told && type != server.type)
    return reader.error(*node.find("type"), "this type does not fit the server's keys");
  server.type = type;
  const auto only = [&](const char* key, ServerConfig::Type of) {
    if (const YamlNode* there = node.find(key); there != nullptr && type != of)
      reader.error(*there, std::string("\"") + key + "\" means nothing to this kind of server");
  };
  for (const char* key : {"args", "env", "cwd"}) only(key, ServerConfig::Type::stdio);
  for (const char* key : {"headers", "tls"}) only(key, ServerConfig::Type::http);
}

}  // namespace

std::span<const Key> top_keys() noexcept { return kTop; }
std::span<const Key> server_keys() noexcept { return kServer; }

std::span<const Key> block_of(std::string_view key) noexcept {
  if (key == "timeout") return kTimeout;
  if (key == "limits") return kLimits;
  if (key == "log") return kLog;
  if (key == "names") return kNames;
  if (key == "tls") return kTls;
  return {};
}

void read_servers(Reader& reader, const YamlNode& node, void* into) {
  auto& config = as<Config>(into);
  if (node.is_null()) return;
  if (node.kind != YamlNode::Kind::map)
    return reader.error(node, "expected a block of servers, each under its name");
  for (const auto& [name, value] : node.members) {
    ServerConfig server;
    server.name = name.text;
    server.timeout = config.timeout;
    if (!server_name_good(server.name))
      reader.error(name, "a server's name has 1 to 32 letters, digits, -, _ and .");
    if (std::any_of(config.servers.begin(), config.servers.end(),
                    [&](const ServerConfig& one) { return one.name == server.name; })) {
      reader.error(name, "duplicate server \"" + server.name + "\"");
      continue;
    }
    if (value.kind != YamlNode::Kind::map) {
      reader.error(value, "expected a block of keys");
      continue;
    }
    reader.block(value, kServer, &server, kForeign);
    settle_type(reader, name, value, server);
    config.servers.push_back(std::move(server));
  }
}

}  // namespace weir::config
