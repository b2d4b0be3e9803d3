// Refuses the less urgent calls while a rule of `degradation` says so, before they cost anything. Weir's own
// calls, which no client made, go through. Source: R19; `weir/priority` of the user's contract.
#pragma once

#include <memory>
#include <string>

#include "call/service.h"
#include "resilience/policies.h"

namespace weir {

class Shed final : public Service {
 public:
  /// `policies` outlives it.
  Shed(std::unique_ptr<Service> next, ServerPolicies& policies)
      : next_(std::move(next)), policies_(policies) {}
  Task<Result<Reply>> call(Call& call) override;
  std::string describe() const override { return "shed: by weir/priority, while a rule of degradation acts"; }

 private:
  const std::unique_ptr<Service> next_;
  ServerPolicies& policies_;
};

}  // namespace weir
