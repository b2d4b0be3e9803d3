// The guard against DNS rebinding: whatever a request says as its Host and its Origin, only the names that
// are listed come in, in the one form that they can have. The first byte chooses the rules.
#include <algorithm>
#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "base/check.h"
#include "fuzz/input.h"
#include "gateway/guard.h"

namespace {

std::string lower(std::string_view text) {
  std::string out(text);
  for (char& c : out)
    if (c >= 'A' && c <= 'Z') c = static_cast<char>(c + 32);
  return out;
}

bool is_port(std::string_view text) {
  return text.starts_with(':') && text.size() > 1 && text.size() <= 6 &&
         text.find_first_not_of("0123456789", 1) == std::string_view::npos;
}

// Dotted, as an address is written: four numbers below 256 without leading zeros, 127 the first.
bool is_loopback4(std::string_view text) {
  if (!text.starts_with("127.")) return false;
  int count = 1;
  for (text.remove_prefix(4);; ++count) {
    const std::string part(text.substr(0, text.find('.')));
    if (part.empty() || part.size() > 3 || part.find_first_not_of("0123456789") != std::string::npos)
      return false;
    if (std::stoi(part) > 255 || (part.size() > 1 && part[0] == '0')) return false;
    if (part.size() == text.size()) return count == 3;
    text.remove_prefix(part.size() + 1);
  }
}

// Of the ways to write ::1 and ::ffff:127.x.x.x only that no other hex group is there is looked at.
bool is_loopback6(std::string_view text) {
  if (const std::size_t at = text.rfind(':');
      at != std::string_view::npos && text.substr(at + 1).find('.') != std::string_view::npos)
    return (is_loopback4(text.substr(at + 1)) || text.substr(at + 1) == "0.0.0.1") &&
           lower(text.substr(0, at)).find_first_not_of("0:f") == std::string::npos;
  if (text.ends_with("1") && text.find_first_not_of("0:") == text.size() - 1) return true;
  return lower(text).find(":7f") != std::string::npos && lower(text).find("ffff:") != std::string::npos;
}

bool host_fits(std::string_view host, const weir::GuardRules& rules) {
  if (!rules.loopback && rules.hosts.empty()) return true;
  const bool bracket = host.starts_with('[');
  const std::size_t end = bracket ? host.find(']') : std::min(host.find(':'), host.size());
  if (end == std::string_view::npos) return false;
  const std::string_view name = bracket ? host.substr(1, end - 1) : host.substr(0, end);
  const std::string_view behind = host.substr(bracket ? end + 1 : end);
  if (!behind.empty() && behind != ":" && !is_port(behind)) return false;  // a port may be left out
  if (bracket != (name.find(':') != std::string_view::npos)) return false;
  for (const std::string& one : rules.hosts)
    if (lower(one) == lower(name)) return true;
  if (!rules.loopback) return false;
  return bracket ? is_loopback6(name) : lower(name) == "localhost" || is_loopback4(name);
}

bool origin_fits(std::string_view origin, std::string_view host, const weir::GuardRules& rules) {
  const std::string said = lower(origin);
  // A page that this address has served, once its Host is known to be ours.
  const bool any_host = !rules.loopback && rules.hosts.empty();
  for (const std::string_view scheme : {"http://", "https://"})
    if (!any_host && said == std::string(scheme) + lower(host)) return true;
  for (const std::string& one : rules.origins) {
    const std::string listed = lower(one);
    if (said == listed) return true;
    if (!listed.ends_with(":*")) continue;
    const std::string base = listed.substr(0, listed.size() - 2);
    if (said == base || (said.starts_with(base) && is_port(said.substr(base.size())))) return true;
  }
  return false;
}

void check(const weir::GuardRules& rules, const weir::RequestHead& head) {
  std::string reason;
  const int status = weir::check_entry(rules, head, reason);
  WEIR_CHECK(status == (reason.empty() ? 0 : 403));
  const std::string_view host = head.get(weir::Field::host);
  const std::string_view origin = head.get(weir::Field::origin);
  const bool has_origin = head.has(weir::Field::origin);
  if (status == 0) {
    WEIR_CHECK(host_fits(host, rules));
    WEIR_CHECK(!has_origin || origin_fits(origin, host, rules));
    WEIR_CHECK(origin != "null" || std::count(rules.origins.begin(), rules.origins.end(), "null") > 0);
  }
  std::string why;
  if (weir::check_action(head, why) == 0 && has_origin) {
    WEIR_CHECK(lower(origin) == "http://" + lower(host) || lower(origin) == "https://" + lower(host));
    WEIR_CHECK(head.find("X-Weir-Action") == "1");
  }
  // What a browser is told is whole lines, and speaks of this Origin only.
  for (const bool preflight : {false, true}) {
    const std::string lines = weir::cors_lines(head, preflight);
    WEIR_CHECK(lines.empty() == !has_origin);
    WEIR_CHECK(lines.empty() || (lines.ends_with("\r\n") && lines.find("\r\n\r\n") == std::string::npos));
    WEIR_CHECK(lines.find('*') == std::string::npos || origin.find('*') != std::string_view::npos ||
               head.get(weir::Field::access_control_request_headers).find('*') != std::string_view::npos);
  }
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  if (size > 2048) return 0;
  static const std::vector<std::string> none;
  static const std::vector<std::string> hosts = {"gate.example", "fd00::1", "10.0.0.1"};
  static const std::vector<std::string> origins = {"https://app.example", "http://localhost:*",
                                                   "http://[::1]:3000"};
  weir::fuzz::Input input(data, size);
  const std::size_t way = input.below(8);
  const weir::GuardRules rules{(way & 1) != 0, (way & 2) != 0 ? hosts : none,
                               (way & 4) != 0 ? origins : none};
  std::string text = "GET /mcp HTTP/1.1\r\nHost: " + std::string(input.text());
  if (!input.empty()) text += "\r\nOrigin: " + std::string(input.text());
  if (!input.empty()) text += "\r\n" + std::string(input.rest());
  text += "\r\n\r\n";
  weir::RequestHead head;
  weir::HeadRefusal refusal;
  if (weir::parse_request(text, weir::HeadLimits(), head, refusal) == weir::HeadState::done)
    check(rules, head);
  return 0;
}
