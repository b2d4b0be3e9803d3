// Assertions about our own invariants. Faults of clients, networks and upstreams are values (base/error.h),
// never these. WEIR_CHECK is always on and fatal: a broken invariant ends the process with its place in the
// source.
#pragma once

namespace weir {

/// Prints `what` with its place to standard error and aborts. Any thread.
[[noreturn]] void check_failed(const char* what, const char* file, int line) noexcept;

}  // namespace weir

#define WEIR_CHECK(condition) \
  (__builtin_expect(!(condition), 0) ? ::weir::check_failed(#condition, __FILE__, __LINE__) : void(0))
