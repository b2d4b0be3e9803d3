// From a server's configuration to the transport that reaches it.
#pragma once

#include "config/config.h"
#include "gateway/endpoint.h"

namespace weir {

/// Where a server reached by HTTP is; `address`: which address of its host is meant, empty: any. The
/// configuration has been validated.
StreamableOptions streamable_options(const ServerConfig& server, const LimitsConfig& limits,
                                     const std::string& address);
/// `address`: as above. `wrote` receives the lines that a child writes to stderr. The configuration has been
/// validated.
TransportFactory transport_factory(const ServerConfig& server, const LimitsConfig& limits,
                                   const std::string& address,
                                   std::function<void(const std::string&, std::string_view)> wrote);

}  // namespace weir
