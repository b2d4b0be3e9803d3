// The probes that know nothing of MCP: whether a connection can be made, or what a path answers. One shard,
// one endpoint. Source: R7.
#pragma once

#include <cstddef>
#include <string>
#include <vector>

#include "http/pool.h"
#include "transport/streamable.h"

namespace weir {

class PlainProbe {
 public:
  /// `server`: where it is reached; its path and headers are not used.
  PlainProbe(Shard& shard, const StreamableOptions& server);

  /// A connection is made and closed. Errors: unreachable, upstream_protocol (TLS), deadline_exceeded,
  /// cancelled.
  Task<Result<void>> connect(TimePoint deadline, CancelScope& cancel);
  /// GET `path` on a connection that is kept; its status is one of `expected`, and its body comes to an end.
  /// Errors also: upstream_protocol with the status that came instead.
  Task<Result<void>> get(const std::string& path, const std::vector<std::size_t>& expected,
                         TimePoint deadline, CancelScope& cancel);

 private:
  Task<Result<HttpExchange>> ask(const std::string& request, TimePoint deadline, CancelScope& cancel);

  std::string host_;
  Pool pool_;
};

}  // namespace weir
