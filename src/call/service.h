// The narrow waist: everything that can answer a call is a Service; a policy is a Service around a Service.
#pragma once

#include <memory>
#include <string>
#include <utility>
#include <vector>

#include "call/call.h"

namespace weir {

/// Answers calls of one shard. Immutable once its stack is built, but for its own counters.
class Service {
 public:
  virtual ~Service() = default;
  /// Answers when the first event is there; `call` outlives the reply. Layers that only pass on are not
  /// coroutines: they return the next service's task.
  virtual Task<Result<Reply>> call(Call& call) = 0;
  /// False while calls would fail at once (an open circuit, a draining endpoint).
  virtual bool ready(TimePoint now) const noexcept {
    (void)now;
    return true;
  }
  /// One line for the printed stack: the policy and its settings.
  virtual std::string describe() const = 0;
};

/// Builds a stack from the leaf outwards and remembers its description, outermost first.
class Stack {
 public:
  explicit Stack(std::unique_ptr<Service> leaf) : top_(std::move(leaf)) {
    lines_.push_back(top_->describe());
  }

  /// Wraps what is there in `Layer(inner, arguments...)`.
  template <class Layer, class... Arguments>
  Stack& around(Arguments&&... arguments) {
    top_ = std::make_unique<Layer>(std::move(top_), std::forward<Arguments>(arguments)...);
    lines_.insert(lines_.begin(), top_->describe());
    return *this;
  }
  Service& top() noexcept { return *top_; }
  const std::vector<std::string>& describe() const noexcept { return lines_; }

 private:
  std::unique_ptr<Service> top_;
  std::vector<std::string> lines_;
};

}  // namespace weir
