#include "runtime/frame_pool.h"

#include <array>
#include <cstdlib>
#include <new>

namespace weir::detail {
namespace {

constexpr std::size_t kStep = 64;
[[maybe_unused]] constexpr std::size_t kClasses = 64;   // up to 4 KB; larger frames are rare and go to malloc
[[maybe_unused]] constexpr std::size_t kKeptMax = 256;  // per class and thread

struct FreeFrame {
  FreeFrame* next;
};

struct FramePool {
  struct List {
    FreeFrame* head = nullptr;
    std::size_t count = 0;
  };
  std::array<List, kClasses> lists;
  bool ended = false;
  ~FramePool() {
    ended = true;
    for (List& list : lists) {
      while (list.head != nullptr) {
        FreeFrame* frame = list.head;
        list.head = frame->next;
        std::free(frame);
      }
    }
  }
};

[[maybe_unused]] FramePool& frame_pool() {
  static thread_local FramePool pool;
  return pool;
}

}  // namespace

void* acquire_frame(std::size_t size) {
  const std::size_t index = (size + kStep - 1) / kStep;
#ifndef WEIR_NO_POOLS
  if (index < kClasses) {
    FramePool& pool = frame_pool();
    FramePool::List& list = pool.lists[index];
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
    FramePool& pool = frame_pool();
    FramePool::List& list = pool.lists[index];
    if (!pool.ended && list.count < kKeptMax) {
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
