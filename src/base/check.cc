#include "base/check.h"

#include <cstdio>
#include <cstdlib>

namespace weir {

void check_failed(const char* what, const char* file, int line) noexcept {
  std::fprintf(stderr, "weir: broken invariant: %s at %s:%d\n", what, file, line);
  std::abort();
}

}  // namespace weir
