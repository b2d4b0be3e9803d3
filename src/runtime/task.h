// Task<T>: a lazy coroutine that one other coroutine awaits. It starts when awaited, on the awaiting thread,
// and resumes its awaiter directly when it ends. A Task runs to its end: nobody destroys a suspended one;
// waits end by value (Wake). Exceptions do not leave a Task: libraries' exceptions die in the unit that wraps
// them, so one here ends the process. Why not Asio's awaitable: see docs/design/001-tasks.md.
#pragma once

#include <concepts>
#include <coroutine>
#include <cstddef>
#include <exception>
#include <optional>
#include <type_traits>
#include <utility>
#include <variant>

#include "base/check.h"
#include "runtime/frame_pool.h"

namespace weir {

template <class T>
class Task;

namespace detail {

struct PromiseBase {
  std::coroutine_handle<> continuation;

  static void* operator new(std::size_t size) { return acquire_frame(size); }
  static void operator delete(void* frame, std::size_t size) noexcept { release_frame(frame, size); }

  std::suspend_always initial_suspend() noexcept { return {}; }
  struct Final {
    bool await_ready() noexcept { return false; }
    template <class Promise>
    std::coroutine_handle<> await_suspend(std::coroutine_handle<Promise> self) noexcept {
      return self.promise().next();
    }
    void await_resume() noexcept {}
  };
  Final final_suspend() noexcept { return {}; }
  void unhandled_exception() noexcept { std::terminate(); }
  std::coroutine_handle<> next() noexcept { return continuation; }
};

/// What may fail by value.
template <class T>
concept Fallible = requires(const T& result) {
  { result.has_value() } -> std::same_as<bool>;
  result.error();
};

/// What goes on in place of a task that has failed.
template <class T>
struct Remedy {
  Task<T> (*run)(const Remedy& self, T failed) = nullptr;
  void* who;  // set with `run`
  void* what;
};

template <class T>
struct Promise : PromiseBase {
  std::optional<T> value;
  [[no_unique_address]] std::conditional_t<Fallible<T>, Remedy<T>, std::monostate> remedy;
  Task<T> get_return_object() noexcept;
  std::coroutine_handle<> next() noexcept;
  template <class U>
  void return_value(U&& result) {
    value.emplace(std::forward<U>(result));
  }
};

template <>
struct Promise<void> : PromiseBase {
  Task<void> get_return_object() noexcept;
  void return_void() noexcept {}
};

}  // namespace detail

/// Owns its coroutine frame. Awaited once, as an rvalue.
template <class T = void>
class [[nodiscard]] Task {
 public:
  using promise_type = detail::Promise<T>;
  using Handle = std::coroutine_handle<promise_type>;

  explicit Task(Handle handle) noexcept : handle_(handle) {}
  Task(Task&& other) noexcept : handle_(std::exchange(other.handle_, {})) {}
  Task(const Task&) = delete;
  Task& operator=(const Task&) = delete;
  Task& operator=(Task&&) = delete;
  ~Task() {
    if (handle_) handle_.destroy();
  }

  /// What `co_await` uses: starts the task and yields its result.
  struct Awaiter {
    Handle handle;
    bool await_ready() noexcept { return false; }
    std::coroutine_handle<> await_suspend(std::coroutine_handle<> awaiting) noexcept {
      handle.promise().continuation = awaiting;
      return handle;
    }
    T await_resume() {
      if constexpr (!std::is_void_v<T>) return std::move(*handle.promise().value);
    }
  };
  /// Awaits it, once.
  Awaiter operator co_await() && noexcept {
    WEIR_CHECK(handle_);
    return Awaiter{handle_};
  }
  /// Before it is awaited, once: should it fail, `(who.*Method)(what, its result)` goes on in its place, and
  /// what that comes to is the awaiter's. So whoever acts on failures alone needs no frame where there is
  /// none.
  template <auto Method, class Who, class What>
    requires detail::Fallible<T>
  void on_failure(Who& who, What& what) noexcept {
    detail::Remedy<T>& remedy = handle_.promise().remedy;
    WEIR_CHECK(remedy.run == nullptr);
    remedy.run = [](const detail::Remedy<T>& self, T failed) {
      return (static_cast<Who*>(self.who)->*Method)(*static_cast<What*>(self.what), std::move(failed));
    };
    remedy.who = &who;
    remedy.what = &what;
  }

 private:
  Handle handle_;
};

namespace detail {
/// Runs the remedy of a task that has failed, then whoever awaits that task. Frees itself.
struct Substitute {
  struct promise_type {
    static void* operator new(std::size_t size) { return acquire_frame(size); }
    static void operator delete(void* frame, std::size_t size) noexcept { release_frame(frame, size); }
    Substitute get_return_object() noexcept {
      return {std::coroutine_handle<promise_type>::from_promise(*this)};
    }
    std::suspend_always initial_suspend() noexcept { return {}; }
    std::suspend_never final_suspend() noexcept { return {}; }
    void return_void() noexcept {}
    void unhandled_exception() noexcept { std::terminate(); }
  };
  std::coroutine_handle<> handle;
};

template <class T>
Substitute substitute(Promise<T>& of) {
  Task<T> instead = of.remedy.run(of.remedy, std::move(*of.value));
  T result = co_await std::move(instead);
  of.value.emplace(std::move(result));
  // The awaiter frees the failed task's frame.
  of.continuation.resume();
}

template <class T>
std::coroutine_handle<> Promise<T>::next() noexcept {
  if constexpr (Fallible<T>)
    if (remedy.run != nullptr && !value->has_value()) [[unlikely]]
      return substitute(*this).handle;
  return continuation;
}

template <class T>
Task<T> Promise<T>::get_return_object() noexcept {
  return Task<T>(std::coroutine_handle<Promise<T>>::from_promise(*this));
}
inline Task<void> Promise<void>::get_return_object() noexcept {
  return Task<void>(std::coroutine_handle<Promise<void>>::from_promise(*this));
}

/// A coroutine that starts at once and frees itself; only the nursery makes these.
struct Fiber {
  struct promise_type {
    static void* operator new(std::size_t size) { return acquire_frame(size); }
    static void operator delete(void* frame, std::size_t size) noexcept { release_frame(frame, size); }
    Fiber get_return_object() noexcept { return {}; }
    std::suspend_never initial_suspend() noexcept { return {}; }
    std::suspend_never final_suspend() noexcept { return {}; }
    void return_void() noexcept {}
    void unhandled_exception() noexcept { std::terminate(); }
  };
};
}  // namespace detail

}  // namespace weir
