#include "base/url.h"

#include <algorithm>
#include <charconv>

namespace weir {
namespace {

bool visible(std::string_view text) {
  return std::all_of(text.begin(), text.end(), [](char c) { return c > ' ' && c < 0x7f; });
}

// Case does not count in a scheme (RFC 3986 section 3.1).
bool starts_with(std::string_view text, std::string_view scheme) {
  const auto lower = [](char c) { return c >= 'A' && c <= 'Z' ? static_cast<char>(c - 'A' + 'a') : c; };
  return std::equal(scheme.begin(), scheme.end(), text.begin(),
                    text.begin() + static_cast<std::ptrdiff_t>(std::min(scheme.size(), text.size())),
                    [&](char a, char b) { return a == lower(b); });
}

bool parse_port(std::string_view text, std::uint16_t& port) {
  const auto [end, trouble] = std::from_chars(text.data(), text.data() + text.size(), port);
  return trouble == std::errc() && end == text.data() + text.size() && port != 0;
}

}  // namespace

std::string Url::authority() const {
  std::string out = host.find(':') == std::string::npos ? host : "[" + host + "]";
  if (port != (tls ? 443 : 80)) out += ":" + std::to_string(port);
  return out;
}

std::optional<Url> parse_url(std::string_view text, std::string& reason) {
  const auto refuse = [&](const char* why) {
    reason = why;
    return std::nullopt;
  };
  Url url;
  if (!visible(text)) return refuse("a URL has no spaces or control characters");
  url.tls = starts_with(text, "https://");
  if (!url.tls && !starts_with(text, "http://")) return refuse("a URL begins with http:// or https://");
  text.remove_prefix(url.tls ? 8 : 7);
  text = text.substr(0, text.find('#'));
  const std::size_t slash = text.find_first_of("/?");
  std::string_view authority = text.substr(0, slash);
  url.path = slash == std::string_view::npos ? "" : text.substr(slash);
  if (url.path.empty() || url.path.front() != '/') url.path.insert(0, "/");
  if (const std::size_t at = authority.rfind('@'); at != std::string_view::npos) {
    url.user_info = authority.substr(0, at);
    authority.remove_prefix(at + 1);
  }
  url.port = url.tls ? 443 : 80;
  std::string_view port;
  if (authority.starts_with('[')) {
    const std::size_t close = authority.find(']');
    if (close == std::string_view::npos) return refuse("an IPv6 address ends with ]");
    url.host = authority.substr(1, close - 1);
    if (url.host.find(':') == std::string::npos ||
        url.host.find_first_not_of("0123456789abcdefABCDEF:.") != std::string::npos)
      return refuse("between [ and ] stands an IPv6 address");
    port = authority.substr(close + 1);
    if (!port.empty() && port.front() != ':') return refuse("a colon and a port follow ]");
  } else {
    const std::size_t colon = authority.find(':');
    url.host = authority.substr(0, colon);
    if (colon != std::string_view::npos) port = authority.substr(colon);
  }
  if (url.host.empty()) return refuse("the URL names no host");
  if (url.host.find_first_of("[]\\<>\"^`{|}") != std::string::npos)
    return refuse("the URL's host has characters that no name has");
  if (!port.empty() && !parse_port(port.substr(1), url.port))
    return refuse("a port is a number from 1 to 65535");
  return url;
}

namespace {

// The path without its "." and ".." segments; it begins with a slash. A ".." at the root goes nowhere.
std::string without_dots(std::string_view path) {
  std::string out;
  while (!path.empty()) {
    const std::size_t end = std::min(path.find('/', 1), path.size());
    const std::string_view segment = path.substr(1, end - 1);
    path.remove_prefix(end);
    const bool up = segment == "..";
    if (up) out.erase(std::min(out.rfind('/'), out.size()));
    if (!up && segment != ".")
      out.append("/").append(segment);
    else if (path.empty())
      out += '/';
  }
  return out;
}

}  // namespace

std::optional<Url> resolve_url(const Url& base, std::string_view reference, std::string& reason) {
  const std::string scheme = base.tls ? "https:" : "http:";
  const std::size_t colon = reference.find_first_of(":/?#");
  if (colon != std::string_view::npos && reference[colon] == ':') return parse_url(reference, reason);
  if (reference.starts_with("//")) return parse_url(scheme + std::string(reference), reason);
  if (!visible(reference)) {
    reason = "a URL has no spaces or control characters";
    return std::nullopt;
  }
  reference = reference.substr(0, reference.find('#'));
  Url url = base;
  url.user_info.clear();
  if (reference.empty()) return url;
  const std::string_view base_path = std::string_view(base.path).substr(0, base.path.find('?'));
  const std::size_t question = std::min(reference.find('?'), reference.size());
  std::string path(reference.substr(0, question));
  if (path.empty())
    path = base_path;
  else if (path.front() != '/')
    path.insert(0, base_path.substr(0, base_path.rfind('/') + 1));
  url.path = without_dots(path).append(reference.substr(question));
  return url;
}

bool same_origin(const Url& a, const Url& b) noexcept {
  const auto lower = [](char c) { return c >= 'A' && c <= 'Z' ? static_cast<char>(c - 'A' + 'a') : c; };
  return a.tls == b.tls && a.port == b.port &&
         std::equal(a.host.begin(), a.host.end(), b.host.begin(), b.host.end(),
                    [&](char x, char y) { return lower(x) == lower(y); });
}

std::string percent_encoded(std::string_view text) {
  constexpr std::string_view kHex = "0123456789ABCDEF";
  std::string out;
  for (const char c : text) {
    const auto byte = static_cast<unsigned char>(c);
    const bool plain = (byte >= 'a' && byte <= 'z') || (byte >= 'A' && byte <= 'Z') ||
                       (byte >= '0' && byte <= '9') || c == '-' || c == '.' || c == '_' || c == '~';
    if (plain)
      out += c;
    else
      out.append(1, '%').append(1, kHex[byte >> 4]).append(1, kHex[byte & 15]);
  }
  return out;
}

std::optional<std::string> percent_decoded(std::string_view text) {
  std::string out;
  for (std::size_t at = 0; at < text.size(); ++at) {
    if (text[at] != '%') {
      out += text[at];
      continue;
    }
    unsigned char byte = 0;
    const std::string_view digits = text.substr(at + 1, 2);
    const auto [end, trouble] = std::from_chars(digits.data(), digits.data() + digits.size(), byte, 16);
    if (digits.size() != 2 || trouble != std::errc() || end != digits.data() + 2) return std::nullopt;
    out += static_cast<char>(byte);
    at += 2;
  }
  return out;
}

std::optional<std::string> basic_credentials(std::string_view user_info) {
  const std::size_t colon = user_info.find(':');
  const bool password = colon != std::string_view::npos;
  const auto user = percent_decoded(user_info.substr(0, colon));
  const auto rest = percent_decoded(password ? user_info.substr(colon) : ":");
  if (!user || !rest || user->find(':') != std::string::npos) return std::nullopt;
  return *user + *rest;
}

std::string display_url(std::string_view text) {
  std::string reason;
  const std::optional<Url> url = parse_url(text, reason);
  if (!url) return "invalid";
  return (url->tls ? "https://" : "http://") + url->authority() + url->path.substr(0, url->path.find('?'));
}

}  // namespace weir
