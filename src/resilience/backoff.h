// How long to pause before a call is tried again. Pure but for chance.
// Source: R13; "Exponential Backoff And Jitter" (AWS Architecture Blog, 2015) for the three kinds of jitter.
#pragma once

#include <cstddef>

#include "base/random.h"
#include "config/config.h"
#include "runtime/time.h"

namespace weir {

/// The pause before attempt `next` (from 2), `before` being the one before it (zero: there was none).
Duration backoff(const RetryConfig& config, std::size_t next, Duration before, Random& random) noexcept;

}  // namespace weir
