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

std::size_t descriptor_room() noexcept {
  constexpr rlim_t kOwn = 48;
  rlimit limit{};
  if (::getrlimit(RLIMIT_NOFILE, &limit) != 0) limit.rlim_cur = 1024;
  return limit.rlim_cur <= kOwn + 16 ? 12 : static_cast<std::size_t>((limit.rlim_cur - kOwn) / 4 * 3);
}

rlim_t given_descriptor_limit() noexcept {
  if (g_given != 0) return g_given;
  rlimit limit{};
  return ::getrlimit(RLIMIT_NOFILE, &limit) == 0 ? limit.rlim_cur : 1024;
}

}  // namespace weir
