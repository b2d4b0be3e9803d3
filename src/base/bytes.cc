#include "base/bytes.h"

#include <sys/mman.h>

#include <array>
#include <cstdlib>
#include <new>
#include <vector>

namespace weir::detail {
namespace {

// Size classes that repeat on every call; anything else goes to malloc. A pool keeps a bounded number of
// each.
struct PoolClass {
  std::size_t capacity;
  std::size_t kept_max;
};
constexpr std::array<PoolClass, 4> kClasses{{{1024, 512}, {4096, 128}, {16384, 32}, {Buffer::kReceive, 64}}};

// Receive buffers come from the system and go back there when their pool does not keep them: in the heap the
// gaps they leave would stay touched.
constexpr std::size_t size_of(std::size_t capacity) { return sizeof(Slab) + capacity + Buffer::kPadding; }

void* take_memory(std::size_t capacity) {
  if (capacity != Buffer::kReceive) return std::malloc(size_of(capacity));
  void* memory =
      ::mmap(nullptr, size_of(capacity), PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
  return memory == MAP_FAILED ? nullptr : memory;
}

void give_memory(Slab* slab) noexcept {
  if (slab->capacity == Buffer::kReceive)
    ::munmap(slab, size_of(slab->capacity));
  else
    std::free(slab);
}

struct Pool {
  std::array<std::vector<Slab*>, kClasses.size()> free;
  ~Pool() {
    for (auto& list : free)
      for (Slab* slab : list) give_memory(slab);
  }
};

Pool* pool() {
#ifdef WEIR_NO_POOLS
  return nullptr;
#else
  // A slab dropped by a destructor that runs after the pool's own must still find its way to free().
  static thread_local bool ended = false;
  struct Owner {
    Pool pool;
    ~Owner() { ended = true; }
  };
  if (ended) return nullptr;
  static thread_local Owner owner;
  return &owner.pool;
#endif
}

int class_of(std::size_t capacity) {
  for (std::size_t i = 0; i < kClasses.size(); ++i)
    if (capacity <= kClasses[i].capacity) return static_cast<int>(i);
  return -1;
}

}  // namespace

Slab* acquire_slab(std::size_t capacity) {
  const int index = class_of(capacity);
  Pool* const pools = index < 0 ? nullptr : pool();
  Slab* slab = nullptr;
  if (pools != nullptr) {
    auto& list = pools->free[static_cast<std::size_t>(index)];
    if (!list.empty()) {
      slab = list.back();
      list.pop_back();
    }
    capacity = kClasses[static_cast<std::size_t>(index)].capacity;
  }
  if (slab == nullptr) {
    void* memory = take_memory(capacity);
    if (memory == nullptr) throw std::bad_alloc();
    slab = new (memory) Slab{};
    slab->capacity = static_cast<std::uint32_t>(capacity);
    if (capacity != Buffer::kReceive) std::memset(slab->bytes() + capacity, 0, Buffer::kPadding);
  }
  slab->refs.store(1, std::memory_order_relaxed);
  return slab;
}

void release_slab(Slab* slab) noexcept {
  if (slab->refs.load(std::memory_order_acquire) != 1 &&
      slab->refs.fetch_sub(1, std::memory_order_acq_rel) != 1)
    return;
  const int index = class_of(slab->capacity);
  Pool* const pools = index < 0 ? nullptr : pool();
  if (pools != nullptr && kClasses[static_cast<std::size_t>(index)].capacity == slab->capacity) {
    auto& list = pools->free[static_cast<std::size_t>(index)];
    if (list.size() < kClasses[static_cast<std::size_t>(index)].kept_max) {
      list.push_back(slab);
      return;
    }
  }
  give_memory(slab);
}

}  // namespace weir::detail
