// Answers that come packed though nobody asked for it, unpacked piece by piece and within bounds.
// Source: RFC 9110, section 8.4.1 (gzip, deflate); RFC 1950, 1952; the hostile edge, "compression".
#pragma once

#include <cstdint>
#include <memory>
#include <string_view>

namespace weir {

/// One body, one shard.
class Inflater {
 public:
  /// How much more may come out than went in, and what may come out whatever went in (bytes).
  static constexpr std::uint64_t kRatioMax = 100;
  static constexpr std::uint64_t kFreeMax = 1024 * 1024;
  /// What next() found: it needs more; there is data(); the body has ended; it is not what its coding says,
  /// or something follows it; it unpacks to too much.
  enum class State : std::uint8_t { more, data, done, broken, too_much };

  /// For the value of Content-Encoding; null: it is not one that is unpacked here.
  static std::unique_ptr<Inflater> of(std::string_view coding);
  virtual ~Inflater() = default;
  /// The next packed bytes, good until next() says `more`.
  virtual void feed(std::string_view packed) noexcept = 0;
  virtual State next() = 0;
  /// What came out, good until the next call of next().
  virtual std::string_view data() const noexcept = 0;
};

}  // namespace weir
