#include "runtime/frame_pool.h"

#include <array>
#include <cstdlib>
#include <new>
#include <utility>

namespace weir::detail {
namespace {

constexpr std::size_t kStep = 64;
[[maybe_unused]] constexpr std::size_t kClasses = 64;   // up to 4 KB; larger frames are rare and go to malloc
[[maybe_unused]] constexpr std::size_t kKeptMax = 256;  // per class and thread

struct FreeFrame {
  FreeFrame* next;
};

// Trivial, so that no access asks whether it was built; freed by FrameOwner.
struct FramePool {
  struct List {
    FreeFrame* head;
    std::size_t count;
  };
  std::array<List, kClasses> lists;
  bool ended;
  bool owned;
};
constinit thread_local FramePool g_frames{};

struct FrameOwner {
  ~FrameOwner() {
    g_frames.ended = true;
    for (FramePool::List& list : g_frames.lists) {
      while (list.head != nullptr) std::free(std::exchange(list.head, list.head->next));
    }
  }
};

[[maybe_unused]] void own_frames() {
  static thread_local FrameOwner owner;
  (void)owner;
  g_frames.owned = true;
}

}  // namespace

void* acquire_frame(std::size_t size) {
  const std::size_t index = (size + kStep - 1) / kStep;
#ifndef WEIR_NO_POOLS
  if (index < kClasses) {
    FramePool::List& list = g_frames.lists[index];
    if (FreeFrame* frame = list.head) {
      list.head = frame->next;
      --list.count;
      return frame;
    }
  }
#endif
  void* memory = std::malloc(index * kStep);
  if (memory == nullptr) throw std::bad_alloc();
  return memory;
}

void release_frame(void* frame, std::size_t size) noexcept {
#ifndef WEIR_NO_POOLS
  const std::size_t index = (size + kStep - 1) / kStep;
  if (index < kClasses) {
    FramePool::List& list = g_frames.lists[index];
    if (!g_frames.ended && list.count < kKeptMax) {
      if (!g_frames.owned) own_frames();
      list.head = new (frame) FreeFrame{list.head};
      ++list.count;
      return;
    }
  }
#else
  (void)size;
#endif
  std::free(frame);
}

}  // namespace weir::detail
