#include "gateway/tool_repeats.h"

namespace weir {

bool ToolRepeats::may_repeat() const {
  if (server_ == Plan::kAll) return false;
  const ServerConfig& config = plan_.settings(server_);
  if (const auto own = config.tools.find(std::string(tool_)); own != config.tools.end())
    if (own->second.safe_to_repeat) return *own->second.safe_to_repeat;
  return config.trust_annotations && plan_.catalogue->load()->repeatable(server_, tool_);
}

}  // namespace weir
