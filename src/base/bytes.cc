#include "base/bytes.h"

#include <sys/mman.h>

#include <algorithm>
#include <array>
#include <bit>
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

std::atomic<std::size_t> g_bytes{0};

void* take_memory(std::size_t capacity) {
  g_bytes.fetch_add(size_of(capacity), std::memory_order_relaxed);
  if (capacity != Buffer::kReceive) return std::malloc(size_of(capacity));
  void* memory =
      ::mmap(nullptr, size_of(capacity), PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
  return memory == MAP_FAILED ? nullptr : memory;
}

void give_memory(Slab* slab) noexcept {
  g_bytes.fetch_sub(size_of(slab->capacity), std::memory_order_relaxed);
  if (slab->capacity == Buffer::kReceive)
    ::munmap(slab, size_of(slab->capacity));
  else
    std::free(slab);
}

// What a thread keeps of one class: a list through the slabs' own bytes, and how many more it takes.
struct Kept {
  Slab* head = nullptr;
  std::size_t room = 0;
};

Slab*& next_of(Slab* slab) noexcept { return *reinterpret_cast<Slab**>(slab->bytes()); }

// Trivial, so that no access asks whether it was built. Without room until `owner` below is there to free it,
// and once that has run: a slab dropped by a later destructor must still find its way to free().
struct Pool {
  std::array<Kept, kClasses.size()> kept;
  bool owned;
};
constinit thread_local Pool g_pool{};

struct Owner {
  ~Owner() {
    for (Kept& kept : g_pool.kept) {
      kept.room = 0;
      while (kept.head != nullptr) give_memory(std::exchange(kept.head, next_of(kept.head)));
    }
  }
};

#ifdef WEIR_NO_POOLS
constexpr bool kPools = false;
#else
constexpr bool kPools = true;
#endif

// True if there is room now that was not there before.
bool own_pool() {
  if (g_pool.owned) return false;
  g_pool.owned = true;
  static thread_local Owner owner;
  (void)owner;
  for (std::size_t i = 0; i < kClasses.size(); ++i) g_pool.kept[i].room = kClasses[i].kept_max;
  return true;
}

int class_of(std::size_t capacity) {
  for (std::size_t i = 0; i < kClasses.size(); ++i)
    if (capacity <= kClasses[i].capacity) return static_cast<int>(i);
  return -1;
}

// The class of a capacity that acquire_slab() gave out; the capacities are powers of four.
std::size_t class_of_whole(std::uint32_t capacity) noexcept {
  return (static_cast<std::size_t>(std::countr_zero(capacity)) - 10) / 2;
}
static_assert(kClasses[0].capacity == 1024 && kClasses[1].capacity == 4096 && kClasses[2].capacity == 16384 &&
              kClasses[3].capacity == 65536);

Slab* new_slab(std::size_t capacity) {
  void* memory = take_memory(capacity);
  if (memory == nullptr) {
    g_bytes.fetch_sub(size_of(capacity), std::memory_order_relaxed);
    throw std::bad_alloc();
  }
  Slab* const slab = new (memory) Slab{};
  slab->capacity = static_cast<std::uint32_t>(capacity);
  if (capacity != Buffer::kReceive) std::memset(slab->bytes() + capacity, 0, Buffer::kPadding);
  return slab;
}

// Few come here: the first of a thread, the last, those of odd sizes and those that are too many.
void release_odd(Slab* slab) noexcept {
  const bool pooled = kPools && slab->capacity <= Buffer::kReceive;
  if (pooled && own_pool())
    free_slab(slab);
  else
    give_memory(slab);
}

}  // namespace

Slab* acquire_slab(std::size_t capacity) {
  const int index = kPools ? class_of(capacity) : -1;
  Slab* slab = nullptr;
  if (index >= 0) {
    Kept& kept = g_pool.kept[static_cast<std::size_t>(index)];
    capacity = kClasses[static_cast<std::size_t>(index)].capacity;
    if (kept.head != nullptr) {
      slab = std::exchange(kept.head, next_of(kept.head));
      ++kept.room;
    }
  }
  if (slab == nullptr) slab = new_slab(capacity);
  slab->refs.store(1, std::memory_order_relaxed);
  return slab;
}

void free_slab(Slab* slab) noexcept {
  if (kPools && slab->capacity <= Buffer::kReceive) {
    Kept& kept = g_pool.kept[class_of_whole(slab->capacity)];
    if (kept.room != 0) {
      next_of(slab) = std::exchange(kept.head, slab);
      --kept.room;
      return;
    }
  }
  release_odd(slab);
}

std::size_t bytes_taken() noexcept { return g_bytes.load(std::memory_order_relaxed); }

}  // namespace weir::detail

namespace weir {
namespace {

std::atomic<std::size_t> g_limit{static_cast<std::size_t>(-1)};

}  // namespace

std::size_t buffer_bytes() noexcept { return detail::bytes_taken(); }

void set_buffer_limit(std::size_t bytes) noexcept { g_limit.store(bytes, std::memory_order_relaxed); }

bool buffers_have_room(std::size_t more) noexcept {
  const std::size_t limit = g_limit.load(std::memory_order_relaxed);
  return more <= limit - std::min(limit, buffer_bytes());
}

bool buffers_are_short() noexcept {
  const std::size_t limit = g_limit.load(std::memory_order_relaxed);
  return buffer_bytes() > limit - limit / 10;
}

bool GrowingBytes::append(std::string_view part) {
  const std::size_t wanted = size_ + part.size();
  if (wanted > buffer_.capacity()) {
    // Large ones are not given twice the room that they need.
    constexpr std::size_t kLarge = std::size_t{1} << 20;
    const std::size_t now = buffer_.capacity();
    const std::size_t capacity = std::max({wanted, now + (now < kLarge ? now : now / 2), std::size_t{4096}});
    if (!buffers_have_room(capacity)) return false;
    Buffer larger(capacity);
    if (size_ != 0) std::memcpy(larger.data(), buffer_.data(), size_);
    buffer_ = std::move(larger);
  }
  if (!part.empty()) std::memcpy(buffer_.data() + size_, part.data(), part.size());
  size_ = wanted;
  return true;
}

}  // namespace weir
