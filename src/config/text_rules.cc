#include "config/text_rules.h"

#include <arpa/inet.h>

#include <algorithm>
#include <array>

#include "base/units.h"
#include "base/url.h"

namespace weir {
namespace {

constexpr std::string_view kAlnum = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789";

bool only(std::string_view text, std::string_view besides) noexcept {
  return std::all_of(text.begin(), text.end(), [&](char c) {
    return kAlnum.find(c) != std::string_view::npos || besides.find(c) != std::string_view::npos;
  });
}

bool has_control(std::string_view text, bool tab_too) noexcept {
  return std::any_of(text.begin(), text.end(), [&](char c) {
    const auto byte = static_cast<unsigned char>(c);
    return (byte < 0x20 && (tab_too || c != '\t')) || byte == 0x7F;
  });
}

char lower(char c) noexcept { return c >= 'A' && c <= 'Z' ? static_cast<char>(c - 'A' + 'a') : c; }

bool same_word(std::string_view one, std::string_view other) noexcept {
  return std::equal(one.begin(), one.end(), other.begin(), other.end(),
                    [](char a, char b) { return lower(a) == lower(b); });
}

bool is_ip(std::string_view host, int family) noexcept {
  std::array<unsigned char, 16> bytes{};
  return host.size() < 64 && ::inet_pton(family, std::string(host).c_str(), bytes.data()) == 1;
}

bool is_host(std::string_view host) noexcept {
  return !host.empty() && host.size() <= 253 && only(host, "-._") && host.front() != '.' &&
         host.front() != '-';
}

bool parse_port(std::string_view text, std::uint64_t least, std::uint16_t& port) noexcept {
  const auto value = parse_count(text);
  if (!value || text.size() > 5 || *value < least || *value > 65535) return false;
  port = static_cast<std::uint16_t>(*value);
  return true;
}

// "HOST", "HOST:PORT", "[IPV6]:PORT" of a URL; an empty string if it is well-formed.
std::string authority_fault(std::string_view authority, bool any_port) {
  std::string_view host = authority.substr(0, authority.rfind(':'));
  std::string_view port = authority.substr(host.size());
  if (authority.starts_with('[')) {
    const std::size_t end = authority.find(']');
    if (end == std::string_view::npos || !is_ip(authority.substr(1, end - 1), AF_INET6))
      return "has a malformed host";
    port = authority.substr(end + 1);
    if (!port.empty() && port.front() != ':') return "has a malformed host";
  } else if (!is_host(host)) {
    return host.empty() ? "has no host" : "has a malformed host";
  }
  std::uint16_t number = 0;
  if (port.empty() || (any_port && port == ":*") || parse_port(port.substr(1), 1, number)) return {};
  return "has a malformed port";
}

}  // namespace

std::string address_fault(std::string_view text, AddressConfig& out) {
  constexpr std::string_view kShape = "must be HOST:PORT, such as 127.0.0.1:8080 or [::1]:8080";
  const std::size_t colon = text.rfind(':');
  if (colon == std::string_view::npos) return std::string(kShape);
  std::string_view host = text.substr(0, colon);
  const bool brackets = host.size() > 2 && host.front() == '[' && host.back() == ']';
  if (brackets) host = host.substr(1, host.size() - 2);
  if (host.empty())
    return "must name the address to listen on: 127.0.0.1 for this machine only, 0.0.0.0 for all";
  if (!brackets && is_ip(host, AF_INET6)) return std::string(kShape);
  const bool known = brackets ? is_ip(host, AF_INET6) : is_ip(host, AF_INET) || same_word(host, "localhost");
  if (!known) return "must have an IP address or localhost in front of its port";
  if (!parse_port(text.substr(colon + 1), 0, out.port)) return "must end in a port from 0 to 65535";
  out.host = std::string(host);
  return {};
}

std::string name_server_fault(std::string_view text, AddressConfig& out) {
  std::string_view host = text;
  std::string_view port;
  if (text.starts_with('[')) {
    const std::size_t end = std::min(text.find(']'), text.size());
    host = text.substr(1, end - 1);
    port = text.substr(std::min(end + 1, text.size()));
    if (end == text.size() || !is_ip(host, AF_INET6) || (!port.empty() && port.front() != ':')) host = {};
  } else {
    host = text.substr(0, text.find(':'));
    port = text.substr(host.size());
    if (!is_ip(host, AF_INET)) host = {};
  }
  if (host.empty())
    return "must have the IP address of a name server behind dns://, such as dns://10.0.0.2:53";
  out.port = 53;
  if (!port.empty() && !parse_port(port.substr(1), 1, out.port)) return "must end in a port from 1 to 65535";
  out.host = std::string(host);
  return {};
}

std::string to_string(const AddressConfig& address) {
  const bool six = address.host.find(':') != std::string::npos;
  return (six ? '[' + address.host + ']' : address.host) + ':' + std::to_string(address.port);
}

bool is_loopback(std::string_view host) noexcept {
  if (host == "127.0.0.1" || same_word(host, "localhost")) return true;
  if (host.size() >= 64) return false;
  const std::string text(host);
  in_addr four{};
  if (::inet_pton(AF_INET, text.c_str(), &four) == 1) return ntohl(four.s_addr) >> 24 == 127;
  in6_addr six{};
  if (::inet_pton(AF_INET6, text.c_str(), &six) != 1) return false;
  return IN6_IS_ADDR_LOOPBACK(&six) || (IN6_IS_ADDR_V4MAPPED(&six) && six.s6_addr[12] == 127);
}

std::string token_fault(std::string_view text) {
  const auto fits = [](char c) {
    return (c >= '0' && c <= '9') || (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') ||
           std::string_view("-._~+/").find(c) != std::string_view::npos;
  };
  const std::string_view bare = text.substr(0, text.find_last_not_of('=') + 1);
  if (bare.empty() || !std::all_of(bare.begin(), bare.end(), fits))
    return "must be a token of letters, digits and -._~+/ (RFC 6750)";
  return {};
}

std::string open_address_fault(const AddressConfig& address, bool operators, bool allowed) {
  if (is_loopback(address.host)) return {};
  const std::string open =
      to_string(address) + " can be reached from other machines, and nothing asks callers who they are";
  if (allowed) return open;
  return open + ": set " + (operators ? "admin.token" : "auth.bearer_tokens") +
         ", or listen on 127.0.0.1, or set allow_unauthenticated: true if something in front of Weir checks "
         "them";
}

std::string used_twice_fault(const AddressConfig& address) {
  return to_string(address) + " is used twice (listen and admin need addresses of their own)";
}

std::string lower_case(std::string_view text) {
  std::string out(text);
  std::transform(out.begin(), out.end(), out.begin(), lower);
  return out;
}

std::string url_fault(std::string_view text) {
  const std::size_t scheme = text.find("://");
  const std::string_view name = text.substr(0, scheme == std::string_view::npos ? 0 : scheme);
  if (!same_word(name, "http") && !same_word(name, "https")) return "must start with http:// or https://";
  if (has_control(text, true) || text.find(' ') != std::string_view::npos)
    return "must not contain white space or control characters";
  if (std::any_of(text.begin(), text.end(), [](char c) { return static_cast<unsigned char>(c) > 0x7F; }))
    return "must be written in ASCII: %XX for each byte of another character in a path";
  if (text.find('#') != std::string_view::npos) return "must not have a fragment (#...)";
  if (text.size() > 8192) return "must not be longer than 8192 bytes";
  const std::string_view rest = text.substr(scheme + 3);
  std::string_view authority = rest.substr(0, rest.find_first_of("/?"));
  const std::size_t at = authority.rfind('@');
  if (at != std::string_view::npos) {
    if (!basic_credentials(authority.substr(0, at)))
      return "must have two hex digits after each % of its user info, and no colon in the user: a literal % "
             "is %25";
    authority.remove_prefix(at + 1);
  }
  return authority_fault(authority, false);
}

bool is_ip_address(std::string_view host) noexcept { return is_ip(host, AF_INET) || is_ip(host, AF_INET6); }

std::string request_path_fault(std::string_view text) {
  const bool visible = std::all_of(text.begin(), text.end(), [](char c) { return c > ' ' && c < 0x7F; });
  const bool good = text.starts_with('/') && visible && text.find('#') == std::string_view::npos;
  if (text.size() > 8192) return "must not be longer than 8192 bytes";
  return good ? "" : "must start with / and have no white space, no #, and nothing but ASCII";
}

bool is_header_name(std::string_view name) noexcept {
  return !name.empty() && name.size() <= 256 && only(name, "!#$%&'*+-.^_`|~");
}

std::string header_name_fault(std::string_view name) {
  // What Weir itself writes on every request, or what concerns one connection only.
  constexpr std::string_view kOurs[] = {
      "accept",       "connection",           "content-length", "content-type",     "host",
      "keep-alive",   "mcp-protocol-version", "mcp-session-id", "proxy-connection", "te",
      "trailer",      "transfer-encoding",    "upgrade",        "content-encoding", "expect",
      "last-event-id"};
  if (!is_header_name(name)) return "is no name for a header";
  for (const std::string_view ours : kOurs)
    if (same_word(name, ours)) return "is set by Weir itself";
  return {};
}

std::string header_value_fault(std::string_view value) {
  if (has_control(value, false)) return "must not contain line ends or control characters";
  if (value.size() > 16384) return "must not be longer than 16384 bytes";
  const bool padded =
      !value.empty() && (std::string_view(" \t").find(value.front()) != std::string_view::npos ||
                         std::string_view(" \t").find(value.back()) != std::string_view::npos);
  return padded ? "must not start or end with white space" : "";
}

std::string environment_name_fault(std::string_view name) {
  const bool printable =
      std::all_of(name.begin(), name.end(), [](char c) { return c > ' ' && c < 0x7F && c != '='; });
  return name.empty() || !printable ? "is no name for an environment variable" : "";
}

std::string origin_fault(std::string_view text) {
  constexpr std::string_view kShape =
      "must be an origin such as https://app.example.com or http://localhost:*";
  const std::size_t scheme = text.find("://");
  if (scheme == std::string_view::npos || scheme == 0 || !only(text.substr(0, scheme), "+-."))
    return std::string(kShape);
  if (!authority_fault(text.substr(scheme + 3), true).empty()) return std::string(kShape);
  return {};
}

std::string host_fault(std::string_view text) {
  const bool six = text.size() > 2 && text.front() == '[' && text.back() == ']';
  if (six ? is_ip(text.substr(1, text.size() - 2), AF_INET6) : is_host(text)) return {};
  return "must be a host name without a port, such as mcp.example.com";
}

std::string separator_fault(std::string_view text) {
  if (!text.empty() && text.size() <= 8 && only(text, "_-.")) return {};
  return "must be 1 to 8 letters, digits, underscores, hyphens or points";
}

std::string server_name_fault(std::string_view name, std::string_view separator) {
  if (name.empty() || name.size() > 32 || !only(name, "_-"))
    return "must be 1 to 32 letters, digits, underscores or hyphens";
  const std::string joined = std::string(name).append(separator);
  if (joined.find(separator) == name.size()) return {};
  return "must not contain or run into the separator \"" + std::string(separator) +
         "\" of names.separator: it would not be clear where a prefixed tool name splits";
}

std::string tool_name_fault(std::string_view name) {
  return name.empty() || name.size() > 256 || has_control(name, true) ? "is no name for a tool" : "";
}

std::string module_name_fault(std::string_view name) {
  for (const std::string_view one :
       {"app", "config", "front", "gateway", "health", "child", "access", "admin"})
    if (one == name) return "";
  return "is no module: app, config, front, gateway, health, child, access and admin are";
}

std::string not_empty_fault(std::string_view text) { return text.empty() ? "must not be empty" : ""; }

}  // namespace weir
