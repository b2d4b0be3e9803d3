// SHA-256 and its keyed form, by OpenSSL; comparison in constant time. Source: FIPS 180-4, RFC 2104.
#pragma once

#include <array>
#include <cstdint>
#include <string>
#include <string_view>

namespace weir {

using Digest = std::array<unsigned char, 32>;

/// SHA-256 (FIPS 180-4), and the MAC made of it (RFC 2104).
Digest sha256(std::string_view bytes);
Digest hmac_sha256(std::string_view key, std::string_view bytes);
/// True if equal; takes as long for a near miss as for a far one.
bool equal_in_constant_time(std::string_view a, std::string_view b) noexcept;
/// `count` bytes that nobody can guess, from the system.
std::string secret_bytes(std::size_t count);
/// Lower-case hexadecimal digits of the first `count` bytes.
std::string hex(const Digest& digest, std::size_t count);

}  // namespace weir
