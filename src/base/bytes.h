// Reference-counted bytes: a Buffer is written by one owner, Bytes are shared read-only views that keep it
// alive. Every buffer has kPadding readable bytes behind its capacity, so that the JSON parser may read past
// the end. Storage comes from a pool of the thread that asks and returns to the pool of the thread that drops
// it.
#pragma once

#include <atomic>
#include <cstddef>
#include <cstdint>
#include <cstring>
#include <string_view>
#include <utility>

namespace weir {

namespace detail {
struct Slab {
  std::atomic<std::uint32_t> refs;
  std::uint32_t capacity;
  char* bytes() noexcept { return reinterpret_cast<char*>(this + 1); }
};
Slab* acquire_slab(std::size_t capacity);
std::size_t bytes_taken() noexcept;
/// Nobody has it any more.
void free_slab(Slab* slab) noexcept;
/// Who alone has it need not count down.
inline void release_slab(Slab* slab) noexcept {
  if (slab->refs.load(std::memory_order_acquire) == 1 ||
      slab->refs.fetch_sub(1, std::memory_order_acq_rel) == 1)
    free_slab(slab);
}
}  // namespace detail

/// What all buffers of the process take from the system, in bytes, those that pools keep included. Any
/// thread.
std::size_t buffer_bytes() noexcept;
/// How much of that there may be; as much as one likes until it is said. Any thread.
void set_buffer_limit(std::size_t bytes) noexcept;
/// Whether `more` bytes would still be within it.
bool buffers_have_room(std::size_t more) noexcept;
/// Whether nine tenths of it are taken: nothing new is begun then.
bool buffers_are_short() noexcept;

/// Owning handle of one slab. Copies share the slab; writing is the business of whoever filled it first.
class Buffer {
 public:
  static constexpr std::size_t kPadding = 64;     // readable bytes behind the capacity
  static constexpr std::size_t kReceive = 65536;  // what sockets read into

  Buffer() = default;
  /// At least `capacity` writable bytes, not initialised.
  explicit Buffer(std::size_t capacity) : slab_(detail::acquire_slab(capacity)) {}
  /// A copy of `text`.
  static Buffer copy_of(std::string_view text) {
    Buffer buffer(text.size());
    if (!text.empty()) std::memcpy(buffer.data(), text.data(), text.size());
    return buffer;
  }

  Buffer(const Buffer& other) noexcept : slab_(other.slab_) {
    if (slab_ != nullptr) slab_->refs.fetch_add(1, std::memory_order_relaxed);
  }
  Buffer(Buffer&& other) noexcept : slab_(std::exchange(other.slab_, nullptr)) {}
  Buffer& operator=(Buffer other) noexcept {
    std::swap(slab_, other.slab_);
    return *this;
  }
  ~Buffer() {
    if (slab_ != nullptr) detail::release_slab(slab_);
  }

  /// False for a handle without storage, whose data is null and whose capacity is 0.
  explicit operator bool() const noexcept { return slab_ != nullptr; }
  char* data() const noexcept { return slab_ == nullptr ? nullptr : slab_->bytes(); }
  std::size_t capacity() const noexcept { return slab_ == nullptr ? 0 : slab_->capacity; }
  /// True when no other handle shares the slab, so that its bytes may be written again.
  bool unique() const noexcept {
    return slab_ != nullptr && slab_->refs.load(std::memory_order_acquire) == 1;
  }

 private:
  detail::Slab* slab_ = nullptr;
};

/// A read-only slice of a Buffer that keeps it alive; or a view of bytes that live for ever (static text).
class Bytes {
 public:
  Bytes() = default;
  Bytes(Buffer owner, std::string_view view) noexcept : owner_(std::move(owner)), view_(view) {}
  /// A private copy of `text`.
  static Bytes copy_of(std::string_view text) {
    Buffer owner = Buffer::copy_of(text);
    std::string_view view(owner.data(), text.size());
    return Bytes(std::move(owner), view);
  }
  /// A view of text with static storage duration.
  static Bytes of_static(std::string_view text) noexcept { return Bytes(Buffer(), text); }

  /// The slice, and the storage that it keeps alive (none for static text).
  std::string_view view() const noexcept { return view_; }
  std::size_t size() const noexcept { return view_.size(); }
  bool empty() const noexcept { return view_.empty(); }
  const Buffer& owner() const noexcept { return owner_; }
  /// The same storage, narrowed to `part`, which must lie inside it.
  Bytes narrowed(std::string_view part) const { return Bytes(owner_, part); }

 private:
  Buffer owner_;
  std::string_view view_;
};

/// Bytes that come piece by piece, in one piece.
class GrowingBytes {
 public:
  /// False: buffers have no room for it; nothing was added.
  bool append(std::string_view part);
  std::size_t size() const noexcept { return size_; }
  /// What there is so far, until the next change.
  std::string_view view() const noexcept { return {buffer_.data(), size_}; }
  /// All of them; it is empty then.
  Bytes take() noexcept {
    Buffer whole = std::exchange(buffer_, Buffer());
    const std::string_view view(whole.data(), std::exchange(size_, 0));
    return Bytes(std::move(whole), view);
  }

 private:
  Buffer buffer_;
  std::size_t size_ = 0;
};

}  // namespace weir
