#include "gateway/make_transport.h"

#include "base/base64.h"
#include "base/url.h"
#include "transport/builtin.h"
#include "transport/legacy_sse.h"
#include "transport/stdio.h"
#include "transport/streamable.h"

namespace weir {

StreamableOptions streamable_options(const ServerConfig& server, const LimitsConfig& limits,
                                     const std::string& address) {
  std::string reason;
  const std::optional<Url> url = parse_url(server.url, reason);
  WEIR_CHECK(url);
  StreamableOptions options;
  options.origin = Origin(url->host, url->port, url->tls, server.tls_ca);
  options.origin.address = address;
  options.host = url->authority();
  options.path = url->path;
  options.headers = server.headers;
  if (!url->user_info.empty())
    options.headers.emplace_back(
        "Authorization", "Basic " + base64_encode(basic_credentials(url->user_info).value_or(url->user_info),
                                                  Base64::standard));
  options.message_max = limits.message;
  options.connect_time = server.timeout.connect;
  return options;
}

TransportFactory transport_factory(const ServerConfig& server, const LimitsConfig& limits,
                                   const std::string& address,
                                   std::function<void(const std::string&, std::string_view)> wrote) {
  switch (server.type) {
    case ServerConfig::Type::http: {
      StreamableOptions options = streamable_options(server, limits, address);
      return [options](Shard& shard, TransportHooks) -> std::unique_ptr<Transport> {
        return std::make_unique<Streamable>(shard, options);
      };
    }
    case ServerConfig::Type::sse: {
      LegacySseOptions options;
      options.http = streamable_options(server, limits, address);
      if (wrote) options.wrote = [wrote, name = server.name](std::string_view line) { wrote(name, line); };
      return [options](Shard& shard, TransportHooks hooks) -> std::unique_ptr<Transport> {
        return std::make_unique<LegacySse>(shard, options, std::move(hooks));
      };
    }
    case ServerConfig::Type::stdio: {
      StdioOptions options;
      options.name = server.name;
      options.child.command = server.command;
      options.child.args = server.args;
      options.child.env = server.env;
      options.child.cwd = server.cwd;
      options.message_max = limits.message;
      if (wrote) options.wrote = [wrote, name = server.name](std::string_view line) { wrote(name, line); };
      return [options](Shard& shard, TransportHooks hooks) -> std::unique_ptr<Transport> {
        return std::make_unique<Stdio>(shard, options, std::move(hooks));
      };
    }
    case ServerConfig::Type::builtin:
      return [](Shard& shard, TransportHooks) -> std::unique_ptr<Transport> {
        return std::make_unique<Builtin>(shard);
      };
  }
  return {};
}

}  // namespace weir
