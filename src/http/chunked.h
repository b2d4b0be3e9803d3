// The chunked transfer coding, decoded incrementally and strictly (RFC 9112, section 7.1). Data are given as
// views into the received bytes; extensions and trailers are bounded and dropped.
#pragma once

#include <cstddef>
#include <cstdint>
#include <string_view>

namespace weir {

/// Decodes one body. One thread.
class ChunkedDecoder {
 public:
  /// What next() came to: needs bytes, gave data, reached the end, or refused the input for good.
  enum class State : std::uint8_t { more, data, done, refused };

  /// Looks at `received`, bytes not yet consumed. `data`: `data()` holds body bytes; either way `consumed()`
  /// bytes are to be dropped from the front before the next call. `more` may consume too.
  State next(std::string_view received);
  std::string_view data() const noexcept { return data_; }
  std::size_t consumed() const noexcept { return consumed_; }
  /// Why it was refused; static text.
  std::string_view reason() const noexcept { return reason_; }

 private:
  static constexpr std::size_t kSizeLineMax = 256;
  static constexpr std::size_t kExtensionsMax = 16 * 1024;
  static constexpr std::size_t kTrailersMax = 8 * 1024;

  enum class Place : std::uint8_t { size_line, body, body_end, trailers, end };
  State refuse(std::string_view reason) noexcept;
  State size_line(std::string_view received);
  State trailers(std::string_view received);

  Place place_ = Place::size_line;
  std::uint64_t left_ = 0;  // of the present chunk
  std::size_t extensions_ = 0;
  std::size_t trailers_ = 0;
  std::string_view data_;
  std::size_t consumed_ = 0;
  std::string_view reason_;
};

}  // namespace weir
