#include "runtime/shard.h"

#include "base/check.h"

namespace weir {

constinit thread_local Shard* Shard::g_current = nullptr;

Shard::Shard(std::size_t index, Loop& loop) : index_(index), loop_(loop), now_(loop.now()), timers_(now_) {}

Shard::~Shard() = default;

void Shard::post(std::unique_ptr<Mail> work) {
  bool first;
  {
    std::lock_guard lock(mail_lock_);
    mail_.push_back(std::move(work));
    first = !std::exchange(mail_waits_, true);
  }
  if (first) loop_.notify();
}

void Shard::begin_turn() noexcept {
  outer_ = std::exchange(g_current, this);
  WEIR_CHECK(outer_ != this);
  now_ = loop_.now();
}

void Shard::take_mail() {
  std::vector<std::unique_ptr<Mail>> mail;
  {
    std::lock_guard lock(mail_lock_);
    mail.swap(mail_);
    mail_waits_ = false;
  }
  for (auto& work : mail) work->run();
}

void Shard::end_turn() {
  if (timers_.hint() <= now_) timers_.advance(now_);
  // By index: resumed coroutines make others ready.
  for (std::size_t i = 0; i < ready_.size(); ++i) ready_[i].resume();
  ready_.clear();
  if (timers_.hint() < armed_ || armed_ <= now_) {
    armed_ = timers_.hint();
    if (armed_ != kForever) loop_.arm(armed_);
  }
  g_current = outer_;
}

}  // namespace weir
