// The one sealed form of everything that must find its way back to us through a client: version, key,
// gateway, shard, payload and a MAC over all of it, in URL-safe Base64. A forged or foreign one does not
// open. Layout: version u8 | key id u8 | gateway u32 | shard u16 | payload | 16 bytes of HMAC-SHA256.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

namespace weir {

/// What a seal was put around.
struct Sealed {
  std::uint32_t gateway = 0;
  std::uint16_t shard = 0;
  std::string payload;
  bool operator==(const Sealed&) const = default;
};

/// Seals and opens with one key. `purpose` keeps kinds apart: what was sealed as one does not open as
/// another. `caller` is whom it belongs to; empty: nobody in particular. Any thread.
class Sealer {
 public:
  /// Longest payload, in bytes.
  static constexpr std::size_t kPayloadMax = 64 * 1024;

  /// `key`: 32 secret bytes.
  Sealer(std::string key, std::uint8_t key_id) : key_(std::move(key)), key_id_(key_id) {}

  /// A text that only open() of the same key, purpose and caller reads. URL-safe letters.
  std::string seal(std::string_view purpose, std::string_view caller, const Sealed& content) const;
  /// Nothing for what was not sealed here for this purpose and caller.
  std::optional<Sealed> open(std::string_view purpose, std::string_view caller, std::string_view text) const;

 private:
  std::string mac(std::string_view purpose, std::string_view caller, std::string_view body) const;

  std::string key_;
  std::uint8_t key_id_;
};

}  // namespace weir
