// Who may come in: Host and Origin, against DNS rebinding. On every path of an address, before anything else.
// Source: MCP 2026-07-28 basic/transports/streamable-http, "Security & Endpoint".
#pragma once

#include <string>
#include <string_view>
#include <vector>

#include "http/head.h"

namespace weir {

struct GuardRules {
  bool loopback = true;                     // the address is bound to loopback
  const std::vector<std::string>& hosts;    // names served besides; empty and not loopback: any
  const std::vector<std::string>& origins;  // browsers' origins allowed; "http://localhost:*" is any port
};

/// 0 if the request may come in, else the status to refuse with and why.
int check_entry(const GuardRules& rules, const Head& head, std::string& reason);
/// The same for a request that changes something: one that a browser sends comes from a page of this very
/// address, which adds `X-Weir-Action: 1`; others pass. Source: OWASP, Cross-Site Request Forgery Prevention;
/// W3C Fetch Metadata.
int check_action(const Head& head, std::string& reason);
/// The CORS lines for an allowed Origin, each ended by CRLF; empty if the request has none. Source: the Fetch
/// standard, "CORS protocol".
std::string cors_lines(const Head& head, bool preflight);

}  // namespace weir
