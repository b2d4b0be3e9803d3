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

// Trivial, so that no access asks whether it was built. Without room until FrameOwner is there to free it,
// and once that has run.
struct FramePool {
  struct List {
    FreeFrame* head;
    std::size_t room;  // how many more it takes
  };
  std::array<List, kClasses> lists;
  bool owned;
};
constinit thread_local FramePool g_frames{};

struct FrameOwner {
  ~FrameOwner() {
    for (FramePool::List& list : g_frames.lists) {
      list.room = 0;
      while (list.head != nullptr) std::free(std::exchange(list.head, list.head->next));
    }
  }
};

// True if there is room now that was not there before.
[[maybe_unused]] bool own_frames() {
  if (g_frames.owned) return false;
  g_frames.owned = true;
  static thread_local FrameOwner owner;
  (void)owner;
  for (FramePool::List& list : g_frames.lists) list.room = kKeptMax;
  return true;
}

}  // namespace

void* acquire_frame(std::size_t size) {
  const std::size_t index = (size + kStep - 1) / kStep;
#ifndef WEIR_NO_POOLS
  if (index < kClasses) {
    FramePool::List& list = g_frames.lists[index];
    if (FreeFrame* frame = list.head) {
      list.head = frame->next;
      ++list.room;
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
    if (list.room == 0 && !own_frames()) return std::free(frame);
    list.head = new (frame) FreeFrame{list.head};
    --list.room;
    return;
  }
#else
  (void)size;
#endif
  std::free(frame);
}

}  // namespace weir::detail
