#include "obs/trace.h"

#include <algorithm>
#include <cstddef>
#include <vector>

namespace weir {
namespace {

constexpr std::size_t kTraceparentSize = 55;
constexpr std::size_t kStateBytesMax = 512;
constexpr std::size_t kStateMembersMax = 32;
constexpr std::size_t kStateMemberLong = 128;

std::uint64_t some_bits(const RandomBits& random) {
  const std::uint64_t bits = random();
  return bits == 0 ? 1 : bits;  // zero means "no id"
}

// Lower-case digits only: the standard refuses the others.
bool parse_hex(std::string_view digits, std::uint64_t& value) noexcept {
  value = 0;
  for (const char c : digits) {
    if (c >= '0' && c <= '9')
      value = value << 4 | static_cast<std::uint64_t>(c - '0');
    else if (c >= 'a' && c <= 'f')
      value = value << 4 | static_cast<std::uint64_t>(c - 'a' + 10);
    else
      return false;
  }
  return true;
}

void append_hex(std::string& out, std::uint64_t value) {
  char digits[16];
  for (std::size_t i = 16; i-- > 0; value >>= 4) digits[i] = "0123456789abcdef"[value & 15];
  out.append(digits, sizeof(digits));
}

bool lower_alpha(char c) noexcept { return c >= 'a' && c <= 'z'; }
bool digit(char c) noexcept { return c >= '0' && c <= '9'; }
bool key_char(char c) noexcept {
  return lower_alpha(c) || digit(c) || c == '_' || c == '-' || c == '*' || c == '/';
}

bool valid_key(std::string_view key) noexcept {
  const std::size_t at = key.find('@');
  if (at == std::string_view::npos)
    return !key.empty() && key.size() <= 256 && lower_alpha(key[0]) &&
           std::all_of(key.begin(), key.end(), key_char);
  const std::string_view tenant = key.substr(0, at);
  const std::string_view system = key.substr(at + 1);
  return !tenant.empty() && tenant.size() <= 241 && (lower_alpha(tenant[0]) || digit(tenant[0])) &&
         std::all_of(tenant.begin(), tenant.end(), key_char) && !system.empty() && system.size() <= 14 &&
         lower_alpha(system[0]) && std::all_of(system.begin(), system.end(), key_char);
}

bool valid_value(std::string_view value) noexcept {
  return !value.empty() && value.size() <= 256 && value.back() != ' ' &&
         std::all_of(value.begin(), value.end(),
                     [](char c) { return c >= 0x20 && c <= 0x7e && c != ',' && c != '='; });
}

std::string_view trimmed(std::string_view text) noexcept {
  while (!text.empty() && (text.front() == ' ' || text.front() == '\t')) text.remove_prefix(1);
  while (!text.empty() && (text.back() == ' ' || text.back() == '\t')) text.remove_suffix(1);
  return text;
}

std::size_t joined_size(const std::vector<std::string_view>& members) noexcept {
  std::size_t size = members.empty() ? 0 : members.size() - 1;
  for (const std::string_view member : members) size += member.size();
  return size;
}

}  // namespace

SpanIds new_trace(const RandomBits& random, bool sampled) {
  SpanIds ids;
  ids.trace_high = random();
  ids.trace_low = some_bits(random);
  ids.span = some_bits(random);
  ids.sampled = sampled;
  ids.random_trace = true;
  return ids;
}

SpanIds child_of(const SpanIds& parent, const RandomBits& random) {
  SpanIds ids = parent;
  do ids.span = some_bits(random);
  while (ids.span == parent.span);
  return ids;
}

std::optional<SpanIds> parse_traceparent(std::string_view text) noexcept {
  if (text.size() < kTraceparentSize || text[2] != '-' || text[35] != '-' || text[52] != '-')
    return std::nullopt;
  std::uint64_t version = 0;
  std::uint64_t flags = 0;
  SpanIds ids;
  if (!parse_hex(text.substr(0, 2), version) || !parse_hex(text.substr(3, 16), ids.trace_high) ||
      !parse_hex(text.substr(19, 16), ids.trace_low) || !parse_hex(text.substr(36, 16), ids.span) ||
      !parse_hex(text.substr(53, 2), flags))
    return std::nullopt;
  if (version == 0xff) return std::nullopt;
  // Later versions may only add fields behind another dash.
  if (text.size() > kTraceparentSize && (version == 0 || text[kTraceparentSize] != '-')) return std::nullopt;
  if (!ids.valid()) return std::nullopt;
  ids.sampled = (flags & 1) != 0;
  ids.random_trace = (flags & 2) != 0;
  return ids;
}

void append_traceparent(std::string& out, const SpanIds& ids) {
  out += "00-";
  append_trace_id(out, ids);
  out += '-';
  append_span_id(out, ids);
  out += "-0";
  out += static_cast<char>('0' + (ids.sampled ? 1 : 0) + (ids.random_trace ? 2 : 0));
}

void append_trace_id(std::string& out, const SpanIds& ids) {
  append_hex(out, ids.trace_high);
  append_hex(out, ids.trace_low);
}

void append_span_id(std::string& out, const SpanIds& ids) { append_hex(out, ids.span); }

std::optional<std::string> parse_tracestate(std::string_view text) {
  std::vector<std::string_view> members;
  std::vector<std::string_view> keys;
  while (true) {
    const std::size_t comma = text.find(',');
    const std::string_view member = trimmed(text.substr(0, comma));
    if (!member.empty()) {
      const std::size_t equals = member.find('=');
      if (equals == std::string_view::npos) return std::nullopt;
      const std::string_view key = member.substr(0, equals);
      if (!valid_key(key) || !valid_value(member.substr(equals + 1))) return std::nullopt;
      if (std::find(keys.begin(), keys.end(), key) != keys.end()) return std::nullopt;
      if (members.size() == kStateMembersMax) return std::nullopt;
      keys.push_back(key);
      members.push_back(member);
    }
    if (comma == std::string_view::npos) break;
    text.remove_prefix(comma + 1);
  }
  if (joined_size(members) > kStateBytesMax)
    std::erase_if(members, [](std::string_view member) { return member.size() > kStateMemberLong; });
  while (joined_size(members) > kStateBytesMax) members.pop_back();
  std::string out;
  out.reserve(joined_size(members));
  for (const std::string_view member : members) {
    if (!out.empty()) out += ',';
    out += member;
  }
  return out;
}

}  // namespace weir
