// Which rules of `degradation` act now, and for which servers: looked at whenever a server stands otherwise
// or the configuration does, read by the policies of each call as a few bits. Any shard. Source: R19.
#pragma once

#include <functional>
#include <mutex>
#include <string>
#include <utility>
#include <vector>

#include "gateway/plan.h"

namespace weir {

/// A rule as it would be written, in one line.
std::string to_string(const DegradationRule& rule);

class Degradation {
 public:
  /// A rule acts, or does no more; `server` empty: for all of them.
  using Told = std::function<void(const std::string& rule, const std::string& server, bool acts)>;
  explicit Degradation(Told told) : told_(std::move(told)) {}

  /// Looks at all servers of the running plan.
  void look(const Plan& plan);
  /// Rules that act, each with its server; empty: all of them.
  std::vector<std::pair<std::string, std::string>> acting() const;

 private:
  const Told told_;
  mutable std::mutex lock_;
  std::vector<std::pair<std::string, std::string>> acting_;
};

}  // namespace weir
