#include "gateway/tool_repeats.h"

namespace weir {

bool ToolRepeats::may_repeat() const {
  if (server_ == Plan::kAll) return false;
  const ServerConfig& config = plan_.settings(server_);
  if (!config.tools.empty()) {
    const auto own = config.tools.find(std::string(tool_));
    if (own != config.tools.end() && own->second.safe_to_repeat) return *own->second.safe_to_repeat;
  }
  // Mostly no tool says that it may be: then the catalogue is not asked.
  return config.trust_annotations && plan_.repeatable_tools[server_].load(std::memory_order_relaxed) &&
         plan_.catalogue->load()->repeatable(server_, tool_);
}

}  // namespace weir
