// Memory of coroutine frames: size classes of 64 bytes with a free list per thread, so that a call's frames
// cost a few instructions each. A frame freed on another thread goes to that thread's list. Inline, since a
// coroutine's size is known where its frame is made and freed: nothing is left of the choice of a list.
#pragma once

#include <array>
#include <cstddef>
#include <new>

namespace weir::detail {

inline constexpr std::size_t kFrameStep = 64;  // from one class to the next
#ifdef WEIR_NO_POOLS
inline constexpr std::size_t kFrameClasses = 0;  // each frame by itself, for the sanitizers
#else
inline constexpr std::size_t kFrameClasses = 64;  // up to 4 KB; larger frames are rare and go to malloc
#endif

struct FreeFrame {  // what a frame is while nobody has it
  FreeFrame* next;  // null: the last
};

/// A thread's. Trivial, so that no access asks whether it was built. Without room until somebody is there who
/// will free it, and once that has run.
struct FramePool {
  struct List {
    FreeFrame* head;   // the last that came back
    std::size_t room;  // how many more it takes
  };
  std::array<List, kFrameClasses> lists;  // by class
  bool owned;                             // somebody will free it
};
extern constinit thread_local FramePool g_frames;  // this thread's

/// Where no list has one, or no room.
void* make_frame(std::size_t size);
void drop_frame(void* frame, std::size_t size) noexcept;

/// At least `size` bytes, aligned for any object. Throws std::bad_alloc.
inline void* acquire_frame(std::size_t size) {
  const std::size_t index = (size + kFrameStep - 1) / kFrameStep;
  if constexpr (kFrameClasses != 0) {
    if (index < kFrameClasses) {
      FramePool::List& list = g_frames.lists[index];
      if (FreeFrame* frame = list.head) [[likely]] {
        list.head = frame->next;
        ++list.room;
        return frame;
      }
    }
  }
  return make_frame(size);
}

/// `size` as it was acquired.
inline void release_frame(void* frame, std::size_t size) noexcept {
  const std::size_t index = (size + kFrameStep - 1) / kFrameStep;
  if constexpr (kFrameClasses != 0) {
    if (index < kFrameClasses) {
      FramePool::List& list = g_frames.lists[index];
      if (list.room != 0) [[likely]] {
        list.head = new (frame) FreeFrame{list.head};
        --list.room;
        return;
      }
    }
  }
  drop_frame(frame, size);
}

}  // namespace weir::detail
