// Tries a call again that failed, where that is safe: nothing was sent of it, or it only reads, or its tool
// or the configuration says that it may be run twice. Another endpoint first, after a pause, within a budget
// that all of a server's calls share. What has begun to answer is never tried again: what comes after the
// first event is its reader's. Source: R13; resilience design sections 2 and 4.
#pragma once

#include <memory>
#include <string>

#include "call/service.h"
#include "config/config.h"
#include "resilience/budget.h"
#include "resilience/policies.h"

namespace weir {

class Retry final : public Service {
 public:
  /// `policies` outlives it.
  Retry(std::unique_ptr<Service> next, const RetryConfig& config, std::shared_ptr<Budget> budget,
        ServerPolicies& policies)
      : next_(std::move(next)), config_(config), budget_(std::move(budget)), policies_(policies) {}
  Task<Result<Reply>> call(Call& call) override;
  std::string describe() const override;

 private:
  Task<Result<Reply>> again(Call& call, Result<Reply> reply);

  const std::unique_ptr<Service> next_;
  const RetryConfig config_;
  const std::shared_ptr<Budget> budget_;
  ServerPolicies& policies_;
};

/// Whether a call that failed like this may be tried again.
bool may_retry(const Call& call, const Error& error);

}  // namespace weir
