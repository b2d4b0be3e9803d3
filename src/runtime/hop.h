// Calling another shard: the work runs there as a fiber, its result comes back by mail, cancelling follows
// it, and the caller always waits for the end. What a hop costs is two mails; never on the plain HTTP path.
#pragma once

#include <functional>
#include <memory>
#include <optional>
#include <utility>

#include "runtime/shard.h"
#include "runtime/task.h"
#include "runtime/waiter.h"

namespace weir {

/// Runs `task` beside everything else on the calling shard; nobody waits for it.
void start_detached(Task<void> task);

namespace detail {

template <class T>
struct Hop {
  std::function<Task<T>(CancelScope&)> work;
  Shard* origin = nullptr;
  std::optional<CancelScope> scope;  // lives on the other shard, while the work runs
  std::optional<T> result;
  Waiter done;
};

template <class T>
Task<void> run_hop(std::shared_ptr<Hop<T>> hop) {
  hop->scope.emplace();
  hop->result.emplace(co_await hop->work(*hop->scope));
  hop->scope.reset();
  Shard& origin = *hop->origin;
  origin.post([hop = std::move(hop)] { hop->done.wake(); });
}

}  // namespace detail

/// The result of `work`, run on `home`. `work` outlives nothing: what it refers to belongs to the caller, who
/// waits. When `cancel` fires, the scope given to `work` is cancelled.
template <class T>
Task<T> on_shard(Shard& home, CancelScope& cancel, std::function<Task<T>(CancelScope&)> work) {
  if (&home == &Shard::current()) co_return co_await work(cancel);
  auto hop = std::make_shared<detail::Hop<T>>();
  hop->work = std::move(work);
  hop->origin = &Shard::current();
  home.post([hop] { start_detached(detail::run_hop<T>(hop)); });
  const Wake wake = co_await hop->done.wait(kForever, &cancel);
  if (wake == Wake::cancelled) {
    home.post([hop] {
      if (hop->scope) hop->scope->cancel();
    });
    co_await hop->done.wait(kForever, nullptr);
  }
  hop->work = nullptr;
  T result = std::move(*hop->result);
  co_return result;
}

}  // namespace weir
