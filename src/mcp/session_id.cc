#include "mcp/session_id.h"

#include "base/base64.h"
#include "base/digest.h"

namespace weir {
namespace {

constexpr std::uint8_t kVersion = 1;
constexpr std::size_t kHeader = 8;
constexpr std::size_t kMac = 16;

void append_number(std::string& out, std::uint64_t value, int bytes) {
  for (int shift = (bytes - 1) * 8; shift >= 0; shift -= 8) out += static_cast<char>(value >> shift & 0xFFU);
}

std::uint64_t read_number(std::string_view bytes) {
  std::uint64_t value = 0;
  for (const char c : bytes) value = value << 8 | static_cast<unsigned char>(c);
  return value;
}

}  // namespace

std::string Sealer::mac(std::string_view purpose, std::string_view caller, std::string_view body) const {
  // Lengths first: no two triples give the same bytes.
  std::string text;
  append_number(text, purpose.size(), 4);
  append_number(text, caller.size(), 4);
  text.append(purpose).append(caller).append(body);
  const Digest digest = hmac_sha256(key_, text);
  return std::string(reinterpret_cast<const char*>(digest.data()), kMac);
}

std::string Sealer::seal(std::string_view purpose, std::string_view caller, const Sealed& content) const {
  std::string body;
  append_number(body, kVersion, 1);
  append_number(body, key_id_, 1);
  append_number(body, content.gateway, 4);
  append_number(body, content.shard, 2);
  body += content.payload;
  body += mac(purpose, caller, body);
  return base64_encode(body, Base64::url);
}

std::optional<Sealed> Sealer::open(std::string_view purpose, std::string_view caller,
                                   std::string_view text) const {
  if (text.size() > (kHeader + kPayloadMax + kMac) * 2) return std::nullopt;
  const std::optional<std::string> bytes = base64_decode(text, Base64::url);
  if (!bytes || bytes->size() < kHeader + kMac) return std::nullopt;
  const std::string_view all = *bytes;
  const std::string_view body = all.substr(0, all.size() - kMac);
  if (!equal_in_constant_time(all.substr(body.size()), mac(purpose, caller, body))) return std::nullopt;
  if (read_number(body.substr(0, 1)) != kVersion || read_number(body.substr(1, 1)) != key_id_)
    return std::nullopt;
  Sealed content;
  content.gateway = static_cast<std::uint32_t>(read_number(body.substr(2, 4)));
  content.shard = static_cast<std::uint16_t>(read_number(body.substr(6, 2)));
  content.payload = body.substr(kHeader);
  return content;
}

}  // namespace weir
