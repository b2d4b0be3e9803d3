#include "runtime/epoll_loop.h"

#include <sys/eventfd.h>
#include <unistd.h>

#include <algorithm>
#include <csignal>

#include "base/check.h"
#include "runtime/socket_network.h"

namespace weir {

namespace {
// Posts that go out together at most: the first of them wait for the last.
constexpr std::size_t kPostedMax = 16;
}  // namespace

EpollShard::EpollShard(std::size_t index)
    : epoll_(::epoll_create1(EPOLL_CLOEXEC)), wake_(::eventfd(0, EFD_NONBLOCK | EFD_CLOEXEC)) {
  WEIR_CHECK(epoll_ >= 0 && wake_ >= 0);
  // A pipe whose reader has gone is an error value of the write, never the end of the process.
  std::signal(SIGPIPE, SIG_IGN);
  epoll_event event{};
  event.events = EPOLLIN | EPOLLET;
  WEIR_CHECK(::epoll_ctl(epoll_, EPOLL_CTL_ADD, wake_, &event) == 0);
  shard_ = std::make_unique<Shard>(index, *this);
  network_ = make_socket_network(*this);
  shard_->set_network(*network_);
}

EpollShard::~EpollShard() {
  network_.reset();
  shard_.reset();
  ::close(wake_);
  ::close(epoll_);
}

int EpollShard::wait_ms(TimePoint at) noexcept {
  if (!again_.empty()) return 0;
  if (armed_ == kForever) return -1;
  const auto left = std::chrono::ceil<std::chrono::milliseconds>(armed_ - at);
  return static_cast<int>(std::clamp<std::int64_t>(left.count(), 0, 3'600'000));
}

void EpollShard::run() {
  stopped_ = false;
  TimePoint looked = now();
  // Work posted before run() has left its mark in the eventfd.
  while (!stopped_.load(std::memory_order_relaxed)) {
    batch_size_ = ::epoll_wait(epoll_, batch_.data(), static_cast<int>(batch_.size()), wait_ms(looked));
    for (batch_at_ = 0; batch_at_ < batch_size_; ++batch_at_) {
      const epoll_event event = batch_[static_cast<std::size_t>(batch_at_)];
      if (event.events == 0) continue;  // forgotten meanwhile
      auto* watcher = static_cast<Watcher*>(event.data.ptr);
      if (watcher == nullptr)
        shard_->deliver();
      else
        shard_->turn([&] { watcher->on_events(event.events); });
      if (posted_.size() >= kPostedMax) flush();
    }
    batch_size_ = 0;
    now_again_.swap(again_);
    for (std::size_t i = 0; i < now_again_.size(); ++i)
      if (Watcher* watcher = now_again_[i]) {
        shard_->turn([&] { watcher->on_events(0); });
        if (posted_.size() >= kPostedMax) flush();
      }
    now_again_.clear();
    // Looked at once a round: what is sent below makes the wait late by no more than it takes.
    looked = now();
    if (armed_ != kForever && armed_ <= looked) {
      armed_ = kForever;
      shard_->turn();
    }
    flush();
  }
  flush();
}

void EpollShard::flush_later(Poster& poster) { posted_.push_back(&poster); }

void EpollShard::forget_posted(Poster& poster) noexcept {
  std::replace(posted_.begin(), posted_.end(), &poster, static_cast<Poster*>(nullptr));
}

void EpollShard::flush() noexcept {
  for (Poster* poster : posted_)
    if (poster != nullptr) poster->flush_posted();
  posted_.clear();
}

void EpollShard::stop() noexcept {
  stopped_ = true;
  notify();
}

bool EpollShard::watch(int fd, Watcher& watcher) noexcept {
  epoll_event event{};
  event.events = EPOLLIN | EPOLLOUT | EPOLLRDHUP | EPOLLET;
  event.data.ptr = &watcher;
  return ::epoll_ctl(epoll_, EPOLL_CTL_ADD, fd, &event) == 0;
}

void EpollShard::forget(Watcher& watcher) noexcept {
  for (int i = batch_at_; i < batch_size_; ++i) {
    epoll_event& event = batch_[static_cast<std::size_t>(i)];
    if (event.data.ptr == &watcher) event.events = 0;
  }
  std::erase(again_, &watcher);
  std::replace(now_again_.begin(), now_again_.end(), &watcher, static_cast<Watcher*>(nullptr));
}

void EpollShard::unregister(int fd) noexcept { ::epoll_ctl(epoll_, EPOLL_CTL_DEL, fd, nullptr); }

void EpollShard::unwatch(int fd, Watcher& watcher) noexcept {
  unregister(fd);
  forget(watcher);
}

TimePoint EpollShard::now() noexcept { return std::chrono::steady_clock::now(); }

WallTime EpollShard::wall_now() noexcept { return std::chrono::system_clock::now(); }

void EpollShard::notify() noexcept {
  // Edge-triggered: each write is an edge, so nobody need read the counter.
  const std::uint64_t one = 1;
  const ssize_t written = ::write(wake_, &one, sizeof one);
  (void)written;
}

}  // namespace weir
