#include "runtime/task.h"

#include <gtest/gtest.h>

#include <coroutine>
#include <memory>
#include <optional>

#include "base/error.h"

namespace weir {
namespace {

Error broken() { return Error(Error::Kind::internal, Error::Side::gateway, Error::Sent::no, "broken"); }

// Goes on when it is told to.
struct Gate {
  std::coroutine_handle<> waiting;
  bool await_ready() noexcept { return false; }
  void await_suspend(std::coroutine_handle<> handle) noexcept { waiting = handle; }
  void await_resume() noexcept {}
};

using Outcome = Result<std::unique_ptr<int>>;

struct Layer {
  Gate* gate = nullptr;
  int asked = 0;
  bool mends = true;

  Task<Outcome> mend(int& value, Outcome failed) {
    ++asked;
    if (gate != nullptr) co_await *gate;
    if (!mends) co_return failed;
    co_return std::make_unique<int>(value);
  }
};

Task<Outcome> work(std::optional<int> value) {
  if (!value) co_return fail(broken());
  co_return std::make_unique<int>(*value);
}

Task<Outcome> mended(Layer& layer, std::optional<int> value, int& other) {
  Task<Outcome> first = work(value);
  first.on_failure<&Layer::mend>(layer, other);
  return first;
}

detail::Fiber run(Task<Outcome> task, std::optional<Outcome>& into) {
  into.emplace(co_await std::move(task));
}

TEST(Task, WhatSucceedsIsLeftAlone) {
  Layer layer;
  int other = 2;
  std::optional<Outcome> outcome;
  run(mended(layer, 1, other), outcome);
  ASSERT_TRUE(outcome && *outcome);
  EXPECT_EQ(***outcome, 1);
  EXPECT_EQ(layer.asked, 0);
}

TEST(Task, WhatGoesOnInPlaceOfAFailureGivesTheResult) {
  Layer layer;
  int other = 2;
  std::optional<Outcome> outcome;
  run(mended(layer, std::nullopt, other), outcome);
  ASSERT_TRUE(outcome && *outcome);
  EXPECT_EQ(***outcome, 2);
  EXPECT_EQ(layer.asked, 1);
}

TEST(Task, WhatGoesOnMayWaitAndMayFail) {
  for (const bool mends : {true, false}) {
    Gate gate;
    Layer layer{&gate, 0, mends};
    int other = 3;
    std::optional<Outcome> outcome;
    run(mended(layer, std::nullopt, other), outcome);
    EXPECT_FALSE(outcome);
    gate.waiting.resume();
    ASSERT_TRUE(outcome);
    EXPECT_EQ(outcome->has_value(), mends);
    if (!mends) {
      EXPECT_EQ(outcome->error().detail(), "broken");
    }
    EXPECT_EQ(layer.asked, 1);
  }
}

}  // namespace
}  // namespace weir
