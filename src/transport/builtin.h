// The embedded default: a small MCP server inside the process, so that `weir run` without a file serves
// something real at once. It speaks 2026-07-28 and answers without a wire.
#pragma once

#include "transport/transport.h"

namespace weir {

class Shard;

class Builtin final : public Transport {
 public:
  explicit Builtin(Shard& shard) : shard_(shard) {}
  Task<Result<Reply>> call(Call& call) override;
  Task<Result<std::shared_ptr<const Peer>>> greet(const Introduction& as, TimePoint deadline,
                                                  CancelScope& cancel) override;
  void notify(const Peer&, std::string) override {}
  Task<void> close() override;
  std::string describe() const override { return "builtin demo"; }

 private:
  Shard& shard_;
};

}  // namespace weir
