#include "runtime/waiter.h"

#include "base/check.h"
#include "runtime/shard.h"

namespace weir {

CancelScope::ParentHook::ParentHook(CancelScope* scope) noexcept
    : CancelHook([](CancelHook& hook) noexcept { static_cast<ParentHook&>(hook).self->cancel(); }),
      self(scope) {}

CancelScope::CancelScope() noexcept : head_(nullptr), parent_(this) { head_.next = head_.previous = &head_; }

CancelScope::CancelScope(CancelScope& parent) noexcept : CancelScope() {
  if (parent.cancelled_)
    cancelled_ = true;
  else
    parent.link(parent_);
}

ScopeLink::ScopeLink(CancelScope& from, CancelScope& to) noexcept : hook_(&to) {
  if (from.cancelled_)
    to.cancel();
  else
    from.link(hook_);
}

CancelScope::~CancelScope() {
  parent_.unlink();
  WEIR_CHECK(head_.next == &head_);
}

void CancelScope::link(detail::CancelHook& hook) noexcept {
  hook.previous = head_.previous;
  hook.next = &head_;
  head_.previous->next = &hook;
  head_.previous = &hook;
}

void CancelScope::cancel() noexcept {
  if (cancelled_) return;
  cancelled_ = true;
  while (head_.next != &head_) {
    detail::CancelHook& hook = *head_.next;
    hook.unlink();
    hook.fire(hook);
  }
}

Waiter::Timer::Timer(Waiter* waiter) noexcept
    : TimerEntry([](TimerEntry& entry) noexcept { static_cast<Timer&>(entry).self->finish(Wake::deadline); }),
      self(waiter) {}

Waiter::Hook::Hook(Waiter* waiter) noexcept
    : CancelHook([](CancelHook& hook) noexcept { static_cast<Hook&>(hook).self->finish(Wake::cancelled); }),
      self(waiter) {}

Waiter::Waiter() noexcept : timer_(this), hook_(this) {}

Waiter::~Waiter() { WEIR_CHECK(!handle_); }

void Waiter::wake() noexcept {
  if (handle_)
    finish(Wake::ready);
  else
    signalled_ = true;
}

void Waiter::finish(Wake result) noexcept {
  if (timer_.linked()) Shard::current().timers().remove(timer_);
  hook_.unlink();
  result_ = result;
  Shard::current().ready(std::exchange(handle_, {}));
}

bool Waiter::Awaiter::await_ready() noexcept {
  // What is ready wins over what is late: an answer that came with the deadline is an answer.
  if (waiter.signalled_) {
    waiter.signalled_ = false;
    waiter.result_ = Wake::ready;
    return true;
  }
  if (cancel != nullptr && cancel->cancelled()) {
    waiter.result_ = Wake::cancelled;
    return true;
  }
  if (deadline != kForever && deadline <= Shard::current().now()) {
    waiter.result_ = Wake::deadline;
    return true;
  }
  return false;
}

void Waiter::Awaiter::await_suspend(std::coroutine_handle<> handle) noexcept {
  WEIR_CHECK(!waiter.handle_);
  waiter.handle_ = handle;
  if (deadline != kForever) Shard::current().timers().add(waiter.timer_, deadline);
  if (cancel != nullptr) cancel->link(waiter.hook_);
}

}  // namespace weir
