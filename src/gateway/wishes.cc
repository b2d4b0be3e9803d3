#include "gateway/wishes.h"

#include <charconv>

#include "mcp/version.h"
#include "runtime/shard.h"

namespace weir {
namespace {

constexpr std::uint64_t kLongestMs = 24 * 3600 * 1000;
constexpr std::size_t kLongestKey = 255;

bool read_time(std::string_view raw, ClientCall& call) {
  std::uint64_t time = 0;
  const auto [end, trouble] = std::from_chars(raw.data(), raw.data() + raw.size(), time);
  if (trouble != std::errc() || end != raw.data() + raw.size() || time == 0 || time > kLongestMs)
    return false;
  call.answer_by = Shard::current().now() + std::chrono::milliseconds(time);
  return true;
}

bool read_priority(std::string_view raw, ClientCall& call) {
  if (raw == "\"normal\"") return true;
  const bool low = raw == "\"low\"";
  if (!low && raw != "\"high\"") return false;
  call.priority = low ? Priority::low : Priority::high;
  return true;
}

bool read_key(std::string_view raw, ClientCall& call) {
  if (raw.size() < 2 || raw.front() != '"') return false;
  call.key = json_unescape(raw);
  return !call.key.empty() && call.key.size() <= kLongestKey;
}

}  // namespace

std::string_view read_wishes(ClientCall& call) {
  const RawMembers& meta = call.message.meta();
  if (const std::string_view raw = meta.find(kMetaTimeout); !raw.empty() && !read_time(raw, call))
    return "params._meta[\"weir/timeoutMs\"] must be a whole number of milliseconds, from 1 to a day";
  if (const std::string_view raw = meta.find(kMetaPriority); !raw.empty() && !read_priority(raw, call))
    return "params._meta[\"weir/priority\"] must be \"low\", \"normal\" or \"high\"";
  if (const std::string_view raw = meta.find(kMetaKey); !raw.empty() && !read_key(raw, call))
    return "params._meta[\"weir/idempotencyKey\"] must be a string of 1 to 255 bytes";
  return {};
}

}  // namespace weir
