#include "runtime/descriptors.h"

namespace weir {
namespace {
rlim_t g_given = 0;  // written before threads start
}

void raise_descriptor_limit() noexcept {
  rlimit limit{};
  if (::getrlimit(RLIMIT_NOFILE, &limit) != 0) return;
  g_given = limit.rlim_cur;
  limit.rlim_cur = limit.rlim_max;
  (void)::setrlimit(RLIMIT_NOFILE, &limit);
}

rlim_t given_descriptor_limit() noexcept {
  if (g_given != 0) return g_given;
  rlimit limit{};
  return ::getrlimit(RLIMIT_NOFILE, &limit) == 0 ? limit.rlim_cur : 1024;
}

}  // namespace weir
