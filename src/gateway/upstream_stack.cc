#include "gateway/upstream_stack.h"

#include "config/words.h"
#include "gateway/upstream.h"
#include "resilience/bulkhead.h"
#include "resilience/hedge.h"
#include "resilience/retry.h"
#include "resilience/shed.h"

namespace weir {
namespace {

// An endpoint for each attempt.
class Balancer final : public Service {
 public:
  Balancer(Upstream& upstream, const LoadBalancingConfig& config)
      : upstream_(upstream), strategy_(to_string(config.strategy)) {}
  Task<Result<Reply>> call(Call& call) override { return upstream_.balance(call); }
  std::string describe() const override { return "balance: " + std::string(strategy_); }

 private:
  Upstream& upstream_;
  const std::string_view strategy_;
};

}  // namespace

std::shared_ptr<Stack> make_stack(const ServerConfig& config, Upstream& upstream, ServerPolicies& policies) {
  auto stack = std::make_shared<Stack>(std::make_unique<Balancer>(upstream, config.load_balancing));
  const bool repeats = config.retry.enabled && config.retry.max_attempts > 1;
  std::shared_ptr<Budget> retries;
  if (repeats) retries = std::make_shared<Budget>(config.retry.budget, config.retry.budget_reserve);
  if (repeats || config.hedge.enabled) {
    Hedge::Options options;
    options.config = config.hedge;
    options.retries = retries;
    if (config.hedge.enabled) options.hedges = std::make_shared<Budget>(config.hedge.budget, 0);
    stack->around<Hedge>(std::move(options), policies);
  }
  if (repeats) stack->around<Retry>(config.retry, retries, policies);
  const ToolLimits tools = tool_limits(config);
  policies.admission.configure(config.bulkhead, tools);
  if (config.bulkhead.enabled || !tools.empty()) stack->around<Bulkhead>(config.bulkhead, tools, policies);
  if (config.may_shed) stack->around<Shed>(policies);
  return stack;
}

bool same_policies(const ServerConfig& a, const ServerConfig& b) {
  return a.retry == b.retry && a.hedge == b.hedge && a.bulkhead == b.bulkhead &&
         tool_limits(a) == tool_limits(b) && a.load_balancing == b.load_balancing && a.may_shed == b.may_shed;
}

}  // namespace weir
