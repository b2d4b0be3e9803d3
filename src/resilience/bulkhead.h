// Lets so many calls of a server be under way at a time, of one client and of one tool no more than their
// part of them; a few others wait, the rest is refused at once. Outside of retry: one permit for a whole
// call, so that trying it again cannot multiply load. Source: R16; docs/design/010-bulkhead.md.
#pragma once

#include <memory>
#include <string>
#include <string_view>
#include <unordered_map>

#include "call/service.h"
#include "config/config.h"
#include "resilience/policies.h"

namespace weir {

class Bulkhead final : public Service {
 public:
  /// `policies` outlives it, and its admission has been configured the same.
  Bulkhead(std::unique_ptr<Service> next, const BulkheadConfig& config, const ToolLimits& tools,
           ServerPolicies& policies);
  Task<Result<Reply>> call(Call& call) override;
  std::string describe() const override;

 private:
  struct Hash {
    using is_transparent = void;
    std::size_t operator()(std::string_view text) const noexcept {
      return std::hash<std::string_view>()(text);
    }
  };
  CountedLimit* tool_limit(const Call& call) const;
  Task<Result<Reply>> enter_slowly(Call& call, const AdmissionWish& wish);
  Task<Result<Reply>> wait(Call& call, std::shared_ptr<AdmissionWait> turn);
  Error refusal(Refused reason, const AdmissionWish& wish);

  const std::unique_ptr<Service> next_;
  const BulkheadConfig config_;
  const ToolLimits limits_;
  ServerPolicies& policies_;
  Admission& admission_;
  std::unordered_map<std::string, CountedLimit*, Hash, std::equal_to<>> tools_;
};

/// The limits of a server's tools.
ToolLimits tool_limits(const ServerConfig& config);

}  // namespace weir
