// What a server's policies cost a call that needs none of them: the composed stack (shed, bulkhead, retry,
// hedge, all on) around a leaf that answers at once, beside the leaf alone. Run: tools/build release
// bench_stack, then build/release/bench_stack.
#include <benchmark/benchmark.h>

#include "gateway/upstream_stack.h"
#include "resilience/bulkhead.h"
#include "resilience/hedge.h"
#include "resilience/retry.h"
#include "resilience/shed.h"
#include "runtime/epoll_loop.h"
#include "runtime/hop.h"

namespace weir {
namespace {

constexpr std::string_view kRequest =
    R"({"jsonrpc":"2.0","id":1,"method":"tools/call","params":{"name":"echo","arguments":{}}})";
constexpr std::string_view kResponse = R"({"jsonrpc":"2.0","id":1,"result":{"content":[]}})";

Message parsed(std::string_view text, Message::From from) {
  auto message = Message::index(Bytes::copy_of(text), JsonLimits(), from);
  WEIR_CHECK(message);
  return std::move(*message);
}

class Leaf final : public Service {
 public:
  Task<Result<Reply>> call(Call&) override {
    co_return Reply(ReplyEvent(parsed(kResponse, Message::From::upstream), true));
  }
  std::string describe() const override { return "at once"; }
};

class Choice final : public EndpointChoice {
 public:
  bool has_another(const Call&) const override { return true; }
  Random& chance() override { return random_; }

 private:
  Random random_{1};
};

struct Harmless final : RepeatRule {
  bool may_repeat() const override { return true; }
};

// As make_stack() composes them, with all of them on.
std::unique_ptr<Stack> all_on(ServerPolicies& policies) {
  auto stack = std::make_unique<Stack>(std::make_unique<Leaf>());
  RetryConfig retry;
  const auto retries = std::make_shared<Budget>(retry.budget, retry.budget_reserve);
  Hedge::Options hedge;
  hedge.config.enabled = true;
  hedge.retries = retries;
  hedge.hedges = std::make_shared<Budget>(hedge.config.budget, 0);
  stack->around<Hedge>(std::move(hedge), policies);
  stack->around<Retry>(retry, retries, policies);
  policies.admission.configure(BulkheadConfig(), ToolLimits());
  stack->around<Bulkhead>(BulkheadConfig(), ToolLimits(), policies);
  stack->around<Shed>(policies);
  return stack;
}

// Each call is one turn of a loop's, as its answer is in service.
Task<void> calls(benchmark::State& state, Service& service, EpollShard& loop) {
  const Message message = parsed(kRequest, Message::From::client);
  const Harmless harmless;
  const MethodRow& row = *find_method("tools/call");
  for (auto _ : state) {
    CancelScope scope;
    Call call(message, row, scope);
    call.client.identity = "127.0.0.1";
    call.repeats = &harmless;
    call.deadline = Shard::current().now() + std::chrono::seconds(60);
    const Result<Reply> reply = co_await service.call(call);
    benchmark::DoNotOptimize(reply.has_value());
  }
  loop.stop();
}

void run(benchmark::State& state, Service& service) {
  EpollShard loop(0);
  loop.shard().post([&] { start_detached(calls(state, service, loop)); });
  loop.run();
}

void leaf_alone(benchmark::State& state) {
  Leaf leaf;
  run(state, leaf);
}
BENCHMARK(leaf_alone);

void composed_stack(benchmark::State& state) {
  Choice choice;
  ServerPolicies policies(choice);
  const std::unique_ptr<Stack> stack = all_on(policies);
  run(state, stack->top());
}
BENCHMARK(composed_stack);

}  // namespace
}  // namespace weir

BENCHMARK_MAIN();
