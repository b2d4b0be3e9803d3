// Who may come in by what they bring: tokens, kept as digests only. Where other ways to prove oneself come in
// (OAuth, signed tokens), they stand beside it. Source: RFC 6750, section 2.1; RFC 7617.
#pragma once

#include <string>
#include <string_view>
#include <vector>

#include "base/digest.h"

namespace weir {

/// The token of `Authorization: Bearer TOKEN`; empty where the value is none of that form.
std::string_view bearer_of(std::string_view authorization) noexcept;

/// The tokens that an address takes. Immutable: any thread.
class Credentials {
 public:
  /// Whether the password of Basic authentication is as good as a token: browsers send no other.
  enum class Basic : bool { no, yes };

  Credentials() = default;
  Credentials(const std::vector<std::string>& tokens, Basic basic);

  /// True: nobody is asked.
  bool empty() const noexcept { return digests_.empty(); }
  /// Whether this value of the field Authorization is good. Takes as long for a near miss as for a far one.
  bool admit(std::string_view authorization) const;
  /// The line that tells a caller without what to come; ended by CRLF. Source: RFC 6750, section 3.
  std::string challenge(std::string_view authorization) const;

 private:
  std::vector<Digest> digests_;
  Basic basic_ = Basic::no;
};

}  // namespace weir
