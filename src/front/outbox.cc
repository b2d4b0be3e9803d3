#include "front/outbox.h"

namespace weir {

Task<bool> Outbox::put(std::string text, BufferBudget::Lease room) {
  if (full() && !closed_) {
    waiting_ += text.size();
    if (waiting_ > kWaitingMax) close();
    co_await this->room();
    waiting_ -= text.size();
  }
  if (closed_ || ended_) co_return false;
  bytes_ += text.size();
  items_.emplace_back();
  items_.back().text = std::move(text);
  items_.back().room = std::move(room);
  filled_.wake();
  co_return true;
}

Task<void> Outbox::room() {
  while (full() && !closed_) co_await room_.wait(kForever, nullptr);
}

Task<Outbox::Took> Outbox::take(std::vector<Item>& items, TimePoint until, CancelScope* cancel) {
  items.clear();
  while (items_.empty()) {
    if (ended_ || closed_) co_return Took::end;
    const Wake wake = co_await filled_.wait(until, cancel);
    if (wake == Wake::cancelled) co_return Took::cancelled;
    if (wake == Wake::deadline) co_return Took::nothing;
  }
  items.swap(items_);
  bytes_ = 0;
  room_.wake_all();
  co_return Took::messages;
}

void Outbox::end() noexcept {
  ended_ = true;
  filled_.wake();
}

void Outbox::close() noexcept {
  closed_ = true;
  items_.clear();
  bytes_ = 0;
  filled_.wake();
  room_.wake_all();
}

}  // namespace weir
