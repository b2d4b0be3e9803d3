// Waiting, the one way: a coroutine parks on a Waiter until somebody wakes it, its deadline passes or its
// scope is cancelled. No races of coroutines, no timer object per operation. Everything here belongs to one
// shard.
#pragma once

#include <coroutine>
#include <cstdint>

#include "runtime/time.h"
#include "runtime/timers.h"

namespace weir {

class CancelScope;

/// Why a wait ended.
enum class Wake : std::uint8_t { ready, deadline, cancelled };

namespace detail {
/// A link in a cancel scope's list.
struct CancelHook {
  using Fire = void (*)(CancelHook&) noexcept;
  explicit CancelHook(Fire action) noexcept : fire(action) {}
  CancelHook* next = nullptr;
  CancelHook* previous = nullptr;
  Fire fire;
  bool linked() const noexcept { return next != nullptr; }
  void unlink() noexcept {
    if (next == nullptr) return;
    previous->next = next;
    next->previous = previous;
    next = previous = nullptr;
  }
};
}  // namespace detail

/// A place where work can be called off. Cancelling is sticky and reaches scopes made under it. Outlives its
/// children.
class CancelScope {
 public:
  CancelScope() noexcept;
  /// A scope that ends with `parent`, or by itself.
  explicit CancelScope(CancelScope& parent) noexcept;
  CancelScope(const CancelScope&) = delete;
  CancelScope& operator=(const CancelScope&) = delete;
  ~CancelScope();

  /// Wakes all who wait under this scope with Wake::cancelled. Idempotent.
  void cancel() noexcept;
  bool cancelled() const noexcept { return cancelled_; }

 private:
  friend class Waiter;
  friend class ScopeLink;
  struct ParentHook : detail::CancelHook {
    CancelScope* self;
    explicit ParentHook(CancelScope* scope) noexcept;
  };
  void link(detail::CancelHook& hook) noexcept;

  bool cancelled_ = false;
  detail::CancelHook head_;
  ParentHook parent_;
};

/// While it lives, cancelling `from` cancels `to` as well. Both outlive it.
class ScopeLink {
 public:
  ScopeLink(CancelScope& from, CancelScope& to) noexcept;
  ScopeLink(const ScopeLink&) = delete;
  ScopeLink& operator=(const ScopeLink&) = delete;
  ~ScopeLink() { hook_.unlink(); }

 private:
  CancelScope::ParentHook hook_;
};

/// One waiting place, for one coroutine at a time. A wake before the wait is kept; each wait consumes it.
class Waiter {
 public:
  Waiter() noexcept;
  Waiter(const Waiter&) = delete;
  Waiter& operator=(const Waiter&) = delete;
  ~Waiter();

  /// Ends the present wait, or the next one at once.
  void wake() noexcept;
  bool waiting() const noexcept { return static_cast<bool>(handle_); }

  /// What `co_await waiter.wait(...)` uses; yields why the wait ended.
  struct Awaiter {
    Waiter& waiter;
    TimePoint deadline;
    CancelScope* cancel;
    bool await_ready() noexcept;
    void await_suspend(std::coroutine_handle<> handle) noexcept;
    Wake await_resume() noexcept { return waiter.result_; }
  };
  /// Waits for wake(), `deadline` (kForever: none) or the cancelling of `cancel` (null: none).
  Awaiter wait(TimePoint deadline, CancelScope* cancel) noexcept { return Awaiter{*this, deadline, cancel}; }

 private:
  void finish(Wake result) noexcept;
  struct Timer : TimerEntry {
    Waiter* self;
    explicit Timer(Waiter* waiter) noexcept;
  };
  struct Hook : detail::CancelHook {
    Waiter* self;
    explicit Hook(Waiter* waiter) noexcept;
  };

  std::coroutine_handle<> handle_;
  bool signalled_ = false;
  Wake result_ = Wake::ready;
  Timer timer_;
  Hook hook_;
};

/// Parks the calling coroutine until `until`; Wake::deadline in the usual case.
class Sleep {
 public:
  Sleep(TimePoint until, CancelScope* cancel) noexcept : until_(until), cancel_(cancel) {}
  auto operator co_await() noexcept { return waiter_.wait(until_, cancel_); }

 private:
  TimePoint until_;
  CancelScope* cancel_;
  Waiter waiter_;
};

}  // namespace weir
