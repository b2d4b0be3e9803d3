#include "base/error.h"

namespace weir {

std::string_view to_string(Error::Kind kind) noexcept {
  switch (kind) {
    case Error::Kind::invalid_request:
      return "invalid_request";
    case Error::Kind::not_found:
      return "not_found";
    case Error::Kind::denied:
      return "denied";
    case Error::Kind::too_large:
      return "too_large";
    case Error::Kind::unreachable:
      return "unreachable";
    case Error::Kind::upstream_protocol:
      return "upstream_protocol";
    case Error::Kind::deadline_exceeded:
      return "deadline_exceeded";
    case Error::Kind::overloaded:
      return "overloaded";
    case Error::Kind::no_healthy_endpoint:
      return "no_healthy_endpoint";
    case Error::Kind::cancelled:
      return "cancelled";
    case Error::Kind::outcome_unknown:
      return "outcome_unknown";
    case Error::Kind::needs_authorization:
      return "needs_authorization";
    case Error::Kind::input_expired:
      return "input_expired";
    case Error::Kind::shutting_down:
      return "shutting_down";
    case Error::Kind::internal:
      return "internal";
  }
  return "internal";
}

}  // namespace weir
