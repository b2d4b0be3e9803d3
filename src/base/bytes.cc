#include "base/bytes.h"

#include <sys/mman.h>

#include <array>
#include <cstdlib>
#include <new>
#include <utility>

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

// What a thread keeps of one class: a list through the slabs' own bytes.
struct Kept {
  Slab* head = nullptr;
  std::size_t count = 0;
};

Slab*& next_of(Slab* slab) noexcept { return *reinterpret_cast<Slab**>(slab->bytes()); }

// Trivial, so that no access asks whether it was built; freed by `owner` below.
struct Pool {
  std::array<Kept, kClasses.size()> kept;
  bool ended;  // a slab dropped by a destructor that runs later must still find its way to free()
  bool owned;
};
constinit thread_local Pool g_pool{};

struct Owner {
  ~Owner() {
    g_pool.ended = true;
    for (Kept& kept : g_pool.kept)
      while (kept.head != nullptr) give_memory(std::exchange(kept.head, next_of(kept.head)));
  }
};

[[maybe_unused]] void own_pool() {
  static thread_local Owner owner;
  (void)owner;
  g_pool.owned = true;
}

Pool* pool() {
#ifdef WEIR_NO_POOLS
  return nullptr;
#else
  Pool& own = g_pool;
  if (own.ended) return nullptr;
  if (!own.owned) own_pool();
  return &own;
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
    Kept& kept = pools->kept[static_cast<std::size_t>(index)];
    if (kept.head != nullptr) {
      slab = std::exchange(kept.head, next_of(kept.head));
      --kept.count;
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
    Kept& kept = pools->kept[static_cast<std::size_t>(index)];
    if (kept.count < kClasses[static_cast<std::size_t>(index)].kept_max) {
      next_of(slab) = std::exchange(kept.head, slab);
      ++kept.count;
      return;
    }
  }
  give_memory(slab);
}

}  // namespace weir::detail
