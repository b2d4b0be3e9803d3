#include "runtime/frame_pool.h"

#include <cstdlib>
#include <utility>

namespace weir::detail {

constinit thread_local FramePool g_frames{};

namespace {

constexpr std::size_t kKeptMax = 256;  // per class and thread

struct FrameOwner {
  ~FrameOwner() {
    for (FramePool::List& list : g_frames.lists) {
      list.room = 0;
      while (list.head != nullptr) std::free(std::exchange(list.head, list.head->next));
    }
  }
};

// True if there is room now that was not there before.
bool own_frames() {
  if (g_frames.owned) return false;
  g_frames.owned = true;
  static thread_local FrameOwner owner;
  (void)owner;
  for (FramePool::List& list : g_frames.lists) list.room = kKeptMax;
  return true;
}

}  // namespace

void* make_frame(std::size_t size) {
  void* memory = std::malloc((size + kFrameStep - 1) / kFrameStep * kFrameStep);
  if (memory == nullptr) throw std::bad_alloc();
  return memory;
}

void drop_frame(void* frame, std::size_t size) noexcept {
  const bool kept = (size + kFrameStep - 1) / kFrameStep < kFrameClasses;
  if (kept && own_frames()) return release_frame(frame, size);
  std::free(frame);
}

}  // namespace weir::detail
