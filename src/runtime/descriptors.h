// How many descriptors this process may open. A connection takes two; shells allow 1,024 and let a process
// raise that itself. Children get back what we were given: some programs still trust that their numbers are
// small.
#pragma once

#include <sys/resource.h>

#include <cstddef>

namespace weir {

/// Raises the soft limit to the hard one. Once, before threads and children start.
void raise_descriptor_limit() noexcept;
/// How many connections of clients leave descriptors enough for upstreams, children and files: three of four,
/// beyond the few that the process has anyway.
std::size_t descriptor_room() noexcept;
/// The soft limit as it was before; what it is now if it was never raised.
rlim_t given_descriptor_limit() noexcept;

}  // namespace weir
