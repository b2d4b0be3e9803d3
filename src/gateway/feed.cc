#include "gateway/feed.h"

#include <algorithm>
#include <atomic>
#include <utility>

#include "obs/rejections.h"

namespace weir {

/// How the writers wake a reader that may have left meanwhile.
struct Feed::Reader::Bell {
  explicit Bell(Shard& of) noexcept : shard(of) {}
  Shard& shard;
  Waiter waiter;         // the reader's shard only
  bool waiting = false;  // under the feed's lock
};

namespace {

std::atomic<std::size_t> g_kept{0};
// What all feeds keep beyond their bounds.
constexpr std::size_t kLargeMax = std::size_t{64} << 20;
std::atomic<std::size_t> g_large{0};

}  // namespace

Feed::~Feed() {
  g_large.fetch_sub(large_, std::memory_order_relaxed);
  if (ended_) g_kept.fetch_sub(bytes_, std::memory_order_relaxed);
}

std::size_t Feed::kept_by_ended() noexcept { return g_kept.load(std::memory_order_relaxed); }

std::uint64_t Feed::append(FeedText text) {
  std::lock_guard lock(lock_);
  if (ended_) return 0;
  bytes_ += text->size();
  texts_.push_back(std::move(text));
  while (texts_.size() > 1 && (texts_.size() > bounds_.count_max || bytes_ > bounds_.bytes_max)) {
    bytes_ -= texts_.front()->size();
    texts_.erase(texts_.begin());
    ++first_;
  }
  // Its reader learns that it is behind.
  if (!count_large()) {
    first_ += texts_.size();
    texts_.clear();
    bytes_ = 0;
    const std::uint64_t number = first_ - 1;
    (void)count_large();
    ring();
    return number;
  }
  ring();
  return first_ + texts_.size() - 1;
}

// False: there is no room for so much.
bool Feed::count_large() {
  const std::size_t large = bytes_ > bounds_.bytes_max ? bytes_ - bounds_.bytes_max : 0;
  if (large == large_) return true;
  const std::size_t all = g_large.fetch_add(large - large_, std::memory_order_relaxed) + (large - large_);
  const bool fits = large < large_ || all <= kLargeMax;
  large_ = large;
  return fits;
}

void Feed::end() {
  std::lock_guard lock(lock_);
  if (!std::exchange(ended_, true)) g_kept.fetch_add(bytes_, std::memory_order_relaxed);
  ring();
}

bool Feed::ended() const {
  std::lock_guard lock(lock_);
  return ended_;
}

std::size_t Feed::bytes() const {
  std::lock_guard lock(lock_);
  return bytes_;
}

bool Feed::keeps(std::uint64_t after) const {
  std::lock_guard lock(lock_);
  return after + 1 >= first_ && after < first_ + texts_.size();
}

std::uint64_t Feed::read() const {
  std::lock_guard lock(lock_);
  return std::max(read_, first_ - 1);
}

void Feed::note_read(std::uint64_t number) {
  std::lock_guard lock(lock_);
  read_ = std::max(read_, number);
}

void Feed::ring() {
  if (!bell_ || !bell_->waiting) return;
  bell_->waiting = false;
  bell_->shard.post([bell = bell_] { bell->waiter.wake(); });
}

Feed::Reader::Reader(Feed& feed, std::uint64_t after)
    : feed_(feed), number_(after), bell_(std::make_shared<Bell>(Shard::current())) {
  std::lock_guard lock(feed_.lock_);
  feed_.ring();  // whoever read before
  feed_.bell_ = bell_;
}

Feed::Reader::~Reader() {
  std::lock_guard lock(feed_.lock_);
  if (feed_.bell_ == bell_) feed_.bell_ = nullptr;
}

// True if there is something to say without a wait.
bool Feed::Reader::take(Came& came) {
  std::lock_guard lock(feed_.lock_);
  const std::uint64_t last = feed_.first_ + feed_.texts_.size() - 1;
  if (feed_.bell_ != bell_) {
    came = Came::replaced;
  } else if (number_ + 1 < feed_.first_ || number_ > last) {
    count_rejected(Rejected::slow_reader);
    came = Came::behind;
  } else if (number_ < last) {
    text_ = feed_.texts_[number_ + 1 - feed_.first_];
    ++number_;
    came = Came::message;
  } else if (feed_.ended_) {
    came = Came::end;
  } else {
    bell_->waiting = true;
    return false;
  }
  return true;
}

Task<Feed::Reader::Came> Feed::Reader::next(TimePoint until, CancelScope& cancel) {
  text_.reset();
  Came came = Came::nothing;
  while (!take(came)) {
    const Wake wake = co_await bell_->waiter.wait(until, &cancel);
    if (wake == Wake::cancelled) co_return Came::cancelled;
    if (wake == Wake::deadline) co_return Came::nothing;
  }
  co_return came;
}

}  // namespace weir
