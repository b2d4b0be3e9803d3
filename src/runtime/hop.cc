#include "runtime/hop.h"

namespace weir {
namespace {

detail::Fiber run(Task<void> task) { co_await std::move(task); }

}  // namespace

void start_detached(Task<void> task) { run(std::move(task)); }

}  // namespace weir
