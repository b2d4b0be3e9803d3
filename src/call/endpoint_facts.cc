#include "call/endpoint_facts.h"

namespace weir {

std::string_view to_string(Health health) noexcept {
  switch (health) {
    case Health::unknown:
      return "unknown";
    case Health::healthy:
      return "healthy";
    case Health::degraded:
      return "degraded";
    case Health::unhealthy:
      return "unhealthy";
  }
  return "unknown";
}

}  // namespace weir
