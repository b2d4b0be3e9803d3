#include "mcp/names.h"

#include "base/digest.h"

namespace weir {
namespace {
constexpr std::string_view kScheme = "weir://";
constexpr std::size_t kKept = 51;
}  // namespace

std::string exposed_name(const NameRules& rules, std::string_view server, std::string_view name) {
  std::string whole;
  if (rules.prefixed) whole.append(server).append(rules.separator);
  whole.append(name);
  if (whole.size() <= kNameMax || !rules.prefixed) return whole;
  // A length in front of the server's name: no two pairs give the same text.
  std::string text = std::to_string(server.size()) + ':';
  text.append(server).append(name);
  std::size_t keep = kKept;
  while (keep > 0 && (static_cast<unsigned char>(whole[keep]) & 0xC0U) == 0x80U) --keep;
  whole.resize(keep);
  whole += '_';
  whole += hex(sha256(text), 4);
  return whole;
}

std::string_view unprefixed(const NameRules& rules, std::string_view server, std::string_view name) noexcept {
  if (!name.starts_with(server)) return {};
  name.remove_prefix(server.size());
  if (!name.starts_with(rules.separator)) return {};
  return name.substr(rules.separator.size());
}

std::string aliased_uri(std::string_view server, std::string_view uri) {
  std::string out(kScheme);
  out.append(server).append("/").append(uri);
  return out;
}

bool split_aliased_uri(std::string_view text, std::string_view& server, std::string_view& uri) noexcept {
  if (!text.starts_with(kScheme)) return false;
  text.remove_prefix(kScheme.size());
  const std::size_t slash = text.find('/');
  if (slash == std::string_view::npos || slash == 0 || slash + 1 == text.size()) return false;
  server = text.substr(0, slash);
  uri = text.substr(slash + 1);
  return true;
}

}  // namespace weir
