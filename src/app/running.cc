#include "app/running.h"

#include <cstdio>
#include <cstdlib>

#include "app/overrides.h"
#include "base/json.h"
#include "base/url.h"
#include "config/text_rules.h"
#include "mcp/outgoing.h"
#include "mcp/splice.h"

namespace weir {
namespace {

// "http://HOST:PORT" of a flag, or with https where it says so; empty after a word on what is wrong with it.
std::string base_url(const char* flag, const std::string& value) {
  constexpr std::string_view kTls = "https://";
  const bool tls = value.starts_with(kTls);
  AddressConfig address;
  const std::string fault = address_fault(tls ? value.substr(kTls.size()) : value, address);
  if (fault.empty()) return (tls ? "https://" : "http://") + reachable_address(address);
  std::fprintf(stderr, "%s: \"%s\" %s\n", flag, value.c_str(), fault.c_str());
  return {};
}

std::string from_environment(const char* name) {
  const char* const value = std::getenv(name);
  return value == nullptr ? std::string() : std::string(value);
}

std::string scheme_of(const ListenTlsConfig& tls) { return tls.cert.empty() ? "http://" : "https://"; }

// What is bound to all addresses is reached where the operators' address was.
std::string reachable_endpoint(const std::string& endpoint, const std::string& admin) {
  std::string reason;
  std::optional<Url> url = parse_url(endpoint, reason);
  const std::optional<Url> asked = parse_url(admin, reason);
  if (!url || !asked || (url->host != "0.0.0.0" && url->host != "::")) return endpoint;
  url->host = asked->host;
  return (url->tls ? "https://" : "http://") + url->authority() + url->path;
}

}  // namespace

std::string admin_url(const AdminConfig& admin) {
  return scheme_of(admin.tls) + reachable_address(admin.address);
}

RemoteAccess access_of(const AdminConfig& admin) { return {admin.token, admin.tls.cert}; }

std::optional<RunningGateway> find_gateway(const Flags& flags) {
  RunningGateway gateway;
  const bool by_admin = !flags.admin.empty() && flags.admin != "false";
  gateway.by_flag = by_admin || !flags.listen.empty();
  if (gateway.by_flag) {
    if (by_admin) gateway.admin = base_url("--admin", flags.admin);
    if (!flags.listen.empty()) gateway.mcp = base_url("--listen", flags.listen);
    if (by_admin == gateway.admin.empty() || flags.listen.empty() != gateway.mcp.empty()) return std::nullopt;
    if (!gateway.mcp.empty()) gateway.mcp += "/mcp";
    gateway.admin_access.token = from_environment("WEIR_ADMIN_TOKEN");
    gateway.mcp_access.token = from_environment("WEIR_TOKEN");
    return gateway;
  }
  Flags file = flags;
  file.log_level.clear();
  const LoadOutcome outcome = load_with_flags(find_file(flags.file), file);
  if (!outcome.config) {
    if (flags.json)
      std::printf("%s\n", to_json(outcome.diagnostics).c_str());
    else
      print(outcome.diagnostics);
    return std::nullopt;
  }
  // A port that is picked at the start only the running gateway knows.
  const ListenConfig& listen = outcome.config->listen.front();
  if (listen.address.port != 0)
    gateway.mcp = scheme_of(listen.tls) + reachable_address(listen.address) + "/mcp";
  gateway.mcp_access.cert = listen.tls.cert;
  const std::vector<std::string>& tokens = outcome.config->auth.bearer_tokens;
  if (!tokens.empty()) gateway.mcp_access.token = tokens.front();
  if (const auto& admin = outcome.config->admin) {
    gateway.admin = admin_url(*admin);
    gateway.admin_access = access_of(*admin);
  }
  return gateway;
}

std::optional<RunningGateway> find_operators(const Flags& flags, int& code) {
  code = 2;
  std::optional<RunningGateway> gateway = find_gateway(flags);
  if (!gateway || !gateway->admin.empty()) return gateway;
  if (!gateway->by_flag) code = 1;
  std::fputs(gateway->by_flag ? "weir: give --admin: the operators' address is what is asked\n"
                              : "weir: admin is off, so there is nobody to ask\n",
             stderr);
  return std::nullopt;
}

std::optional<std::string> mcp_endpoint(const RunningGateway& gateway) {
  if (!gateway.mcp.empty()) return gateway.mcp;
  if (gateway.admin.empty()) {
    std::fputs("weir: the file's port is picked at the start, and admin is off: give --listen\n", stderr);
    return std::nullopt;
  }
  const std::string url = gateway.admin + "/servers";
  const Result<RemoteAnswer> answer = ask_remote("GET", url, {}, {}, gateway.admin_access);
  if (!answer) {
    say_failure(gateway.admin, answer.error());
    return std::nullopt;
  }
  const bool object = answer->status == 200 && is_json_object(answer->body);
  if (!object || !members_of(answer->body).find("servers").starts_with('[')) {
    say_no_weir(url, *answer);
    return std::nullopt;
  }
  const std::string endpoint = text_of(members_of(answer->body), "endpoint");
  if (!endpoint.empty()) return reachable_endpoint(endpoint, gateway.admin);
  std::fprintf(stderr, "weir: the gateway at %s does not say where its MCP endpoint is: give --listen\n",
               gateway.admin.c_str());
  return std::nullopt;
}

int say_failure(const std::string& url, const Error& error) {
  const bool maybe_tls = url.starts_with("http://") && error.kind() == Error::Kind::outcome_unknown;
  std::fprintf(stderr, "weir: %s: %s%s\n", url.c_str(), error.detail().c_str(),
               maybe_tls ? "; if TLS is spoken there, name the configuration file with -c instead" : "");
  return 1;
}

int say_no_weir(const std::string& url, const RemoteAnswer& answer) {
  const std::string status = std::to_string(answer.status);
  std::string reason;
  if (is_json_object(answer.body)) {
    const std::string_view raw = members_of(answer.body).find("error");
    if (raw.starts_with('"')) reason = json_unescape(raw);
  }
  if (reason.empty())
    std::fprintf(stderr, "weir: what answers at %s is not Weir (HTTP status %s)\n", url.c_str(),
                 status.c_str());
  else
    std::fprintf(stderr, "weir: %s refuses: %s (HTTP status %s)\n", url.c_str(), reason.c_str(),
                 status.c_str());
  return 1;
}

std::optional<Message> ask_mcp(const std::string& url, const RemoteAccess& access, std::string_view method,
                               const std::string& name, std::string_view params, bool raw_errors) {
  std::vector<std::pair<std::string, std::string>> headers = {
      {"Content-Type", "application/json"},
      {"Accept", "application/json, text/event-stream"},
      {"MCP-Protocol-Version", "2026-07-28"},
      {"Mcp-Method", std::string(method)}};
  if (!name.empty()) headers.emplace_back("Mcp-Name", name);
  std::string body = R"({"jsonrpc":"2.0","id":1,"method":")" + std::string(method) + R"(","params":{)";
  body += params;
  if (!params.empty()) body += ',';
  body +=
      R"("_meta":{"io.modelcontextprotocol/protocolVersion":"2026-07-28","io.modelcontextprotocol/clientInfo":)" +
      std::string(own_client_info()) + R"(,"io.modelcontextprotocol/clientCapabilities":{}}}})";
  const Result<RemoteAnswer> answer = ask_remote("POST", url, headers, body, access);
  if (!answer) {
    say_failure(url, answer.error());
    return std::nullopt;
  }
  auto message = Message::index(Bytes::copy_of(answer->body), JsonLimits(), Message::From::upstream);
  if (!message || !message->is_response()) {
    say_no_weir(url, *answer);
    return std::nullopt;
  }
  if (message->kind() == Message::Kind::result) return std::move(*message);
  if (raw_errors)
    std::fprintf(stderr, "%s\n", answer->body.c_str());
  else
    std::fprintf(stderr, "weir: %s\n", text_of(members_of(message->error()), "message").c_str());
  return std::nullopt;
}

}  // namespace weir
