#include "gateway/guard.h"

#include <algorithm>

#include "config/text_rules.h"

namespace weir {
namespace {

// Nothing is a port, too: it may be left out behind its colon.
bool is_port(std::string_view digits) {
  constexpr std::size_t kDigitsMax = 5;
  if (digits.size() > kDigitsMax) return false;
  unsigned number = 0;
  for (const char c : digits) {
    if (c < '0' || c > '9') return false;
    number = number * 10 + static_cast<unsigned>(c - '0');
  }
  return number <= 65535;
}

// The name in a Host header, without its port and brackets; empty where anything else stands there: whoever
// reads it after us might take that for the name. Source: RFC 9110, section 7.2.
std::string_view host_name(std::string_view value) {
  const bool bracket = value.starts_with('[');
  const std::size_t end = bracket ? value.find(']') : std::min(value.find(':'), value.size());
  if (end == std::string_view::npos) return {};
  const std::string_view behind = value.substr(bracket ? end + 1 : end);
  if (!behind.empty() && (behind.front() != ':' || !is_port(behind.substr(1)))) return {};
  if (!bracket) return value.substr(0, end);
  const std::string_view inside = value.substr(1, end - 1);
  return inside.find(':') == std::string_view::npos ? std::string_view() : inside;  // only IPv6 is written so
}

bool origin_allowed(const GuardRules& rules, std::string_view origin) {
  return std::any_of(rules.origins.begin(), rules.origins.end(), [&](const std::string& allowed) {
    if (!allowed.ends_with(":*")) return equals_ignoring_case(allowed, origin);
    const std::string_view base = std::string_view(allowed).substr(0, allowed.size() - 2);
    if (origin.size() < base.size() || !equals_ignoring_case(origin.substr(0, base.size()), base))
      return false;
    const std::string_view port = origin.substr(base.size());
    // A browser writes it in one way (RFC 6454, section 6.2).
    return port.empty() ||
           (port.front() == ':' && port.size() > 1 && port[1] != '0' && is_port(port.substr(1)));
  });
}

// A page that this very address has served: as good as its Host, once that was found to be one of ours.
bool own_origin(std::string_view origin, std::string_view host) {
  for (const std::string_view scheme : {"http://", "https://"})
    if (origin.starts_with(scheme))
      return !host.empty() && equals_ignoring_case(origin.substr(scheme.size()), host);
  return false;
}

}  // namespace

int check_entry(const GuardRules& rules, const Head& head, std::string& reason) {
  const std::string_view name = host_name(head.get(Field::host));
  const auto named = [&](const std::string& host) { return equals_ignoring_case(host, name); };
  const bool listed = std::any_of(rules.hosts.begin(), rules.hosts.end(), named);
  const bool any_host = !rules.loopback && rules.hosts.empty();
  if (!listed && !any_host && !(rules.loopback && is_loopback(name))) {
    reason = "this Host is not served here; name it under allowed_hosts";
    return 403;
  }
  const std::string_view origin = head.get(Field::origin);
  const bool own = !any_host && own_origin(origin, head.get(Field::host));
  if (head.has(Field::origin) && !own && !origin_allowed(rules, origin)) {
    reason = "this Origin is not allowed; name it under allowed_origins";
    return 403;
  }
  return 0;
}

int check_action(const Head& head, std::string& reason) {
  const std::string_view site = head.find("sec-fetch-site");
  const bool has_origin = head.has(Field::origin);
  if (!has_origin && site.empty()) return 0;
  const bool own = !has_origin || own_origin(head.get(Field::origin), head.get(Field::host));
  if (!own || (!site.empty() && site != "same-origin")) {
    reason = "a browser may do this from the dashboard of this address only";
    return 403;
  }
  if (head.find("x-weir-action") == "1") return 0;
  reason = "a request that a browser sends needs the header X-Weir-Action: 1 here";
  return 403;
}

std::string cors_lines(const Head& head, bool preflight) {
  if (!head.has(Field::origin)) return {};
  std::string out = "Access-Control-Allow-Origin: ";
  out += head.get(Field::origin);
  out += "\r\nVary: Origin\r\n";
  if (!preflight)
    return out +
           "Access-Control-Expose-Headers: Mcp-Session-Id, MCP-Protocol-Version, "
           "WWW-Authenticate, Retry-After\r\n";
  out += "Access-Control-Allow-Methods: POST, GET, DELETE, OPTIONS\r\nAccess-Control-Max-Age: 600\r\n";
  if (const std::string_view asked = head.get(Field::access_control_request_headers); !asked.empty()) {
    out += "Access-Control-Allow-Headers: ";
    out.append(asked).append("\r\n");
  }
  return out;
}

}  // namespace weir
