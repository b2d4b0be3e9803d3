#include "base/digest.h"

#include <openssl/crypto.h>
#include <openssl/evp.h>
#include <openssl/hmac.h>
#include <sys/random.h>

#include <cerrno>

#include "base/check.h"

namespace weir {

Digest sha256(std::string_view bytes) {
  Digest out{};
  unsigned size = 0;
  WEIR_CHECK(EVP_Digest(bytes.data(), bytes.size(), out.data(), &size, EVP_sha256(), nullptr) == 1);
  return out;
}

Digest hmac_sha256(std::string_view key, std::string_view bytes) {
  Digest out{};
  unsigned size = 0;
  const auto* text = reinterpret_cast<const unsigned char*>(bytes.data());
  WEIR_CHECK(HMAC(EVP_sha256(), key.data(), static_cast<int>(key.size()), text, bytes.size(), out.data(),
                  &size) != nullptr);
  return out;
}

bool equal_in_constant_time(std::string_view a, std::string_view b) noexcept {
  return a.size() == b.size() && CRYPTO_memcmp(a.data(), b.data(), a.size()) == 0;
}

std::string secret_bytes(std::size_t count) {
  std::string out(count, '\0');
  for (std::size_t at = 0; at < count;) {
    const ssize_t got = getrandom(out.data() + at, count - at, 0);
    if (got < 0 && errno == EINTR) continue;
    WEIR_CHECK(got > 0);
    at += static_cast<std::size_t>(got);
  }
  return out;
}

std::string hex(const Digest& digest, std::size_t count) {
  constexpr std::string_view digits = "0123456789abcdef";
  std::string out;
  for (std::size_t i = 0; i < count; ++i) {
    out += digits[digest[i] >> 4];
    out += digits[digest[i] & 15];
  }
  return out;
}

}  // namespace weir
