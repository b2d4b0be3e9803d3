// Published<T>: an immutable snapshot that one writer replaces whole and every shard reads without a lock.
// A reader keeps the snapshot it took for as long as it needs it; the old one dies with its last reader.
// Source: read-copy-update with reference counts; each shard keeps a copy, so that readers share no cache
// line.
#pragma once

#include <atomic>
#include <cstdint>
#include <memory>
#include <mutex>

namespace weir {

template <class T>
class Published {
 public:
  using Snapshot = std::shared_ptr<const T>;

  explicit Published(Snapshot first) : current_(std::move(first)) {}
  Published(const Published&) = delete;
  Published& operator=(const Published&) = delete;

  /// Replaces the snapshot. Any thread; writers are serialised.
  void publish(Snapshot next) {
    std::lock_guard lock(lock_);
    current_.swap(next);
    version_.fetch_add(1, std::memory_order_release);
  }
  /// The present snapshot. Any thread; takes the lock: for control paths.
  Snapshot load() const {
    std::lock_guard lock(lock_);
    return current_;
  }

  /// A shard's view: one relaxed load per read while nothing changes. Owned by one thread.
  class Reader {
   public:
    explicit Reader(const Published& source) : source_(source) {}
    /// The present snapshot; the reference is good until the next call on this reader.
    const Snapshot& get() {
      if (source_.version_.load(std::memory_order_acquire) != seen_) [[unlikely]]
        renew();
      return copy_;
    }

   private:
    // Out of line: it is seldom needed, and what is small goes where it is called.
    [[gnu::noinline]] void renew() {
      std::lock_guard lock(source_.lock_);
      copy_ = source_.current_;
      seen_ = source_.version_.load(std::memory_order_relaxed);
    }

    const Published& source_;
    Snapshot copy_;
    std::uint64_t seen_ = 0;  // versions begin with 1
  };

 private:
  mutable std::mutex lock_;
  Snapshot current_;
  std::atomic<std::uint64_t> version_{1};
};

}  // namespace weir
