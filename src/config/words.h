// The words of the configuration that are shown elsewhere, too.
#pragma once

#include <string_view>

#include "config/config.h"

namespace weir {

/// As the file writes it.
std::string_view to_string(LoadBalancingConfig::Strategy strategy) noexcept;

/// Likewise.
std::string_view to_string(DegradationRule::When when) noexcept;

}  // namespace weir
