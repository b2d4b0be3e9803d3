// Whether a call of a tool may be run twice: as its server's configuration says of the tool; else as the tool
// says of itself, where the server is trusted to know. Source: R13; MCP, ToolAnnotations.
#pragma once

#include <string_view>

#include "gateway/plan.h"

namespace weir {

class ToolRepeats final : public RepeatRule {
 public:
  explicit ToolRepeats(const Plan& running) noexcept : plan_(running) {}
  /// Which tool is meant, by its server's own name for it; the view outlives this.
  void set(std::size_t server, std::string_view tool) noexcept {
    server_ = server;
    tool_ = tool;
  }
  bool may_repeat() const override;

 private:
  const Plan& plan_;
  std::size_t server_ = Plan::kAll;
  std::string_view tool_;
};

}  // namespace weir
