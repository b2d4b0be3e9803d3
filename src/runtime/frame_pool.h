// Memory of coroutine frames: size classes of 64 bytes with a free list per thread, so that a call's frames
// cost a few instructions each. A frame freed on another thread goes to that thread's list.
#pragma once

#include <cstddef>

namespace weir::detail {

/// At least `size` bytes, aligned for any object. Throws std::bad_alloc.
void* acquire_frame(std::size_t size);
/// `size` as it was acquired.
void release_frame(void* frame, std::size_t size) noexcept;

}  // namespace weir::detail
