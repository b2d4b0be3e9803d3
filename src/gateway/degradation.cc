#include "gateway/degradation.h"

#include <algorithm>

#include "config/words.h"
#include "gateway/health_sum.h"

namespace weir {
namespace {

using When = DegradationRule::When;

bool of_gateway(const DegradationRule& rule) noexcept {
  return rule.when == When::gateway_degraded || rule.when == When::gateway_unhealthy;
}

bool fits(const DegradationRule& rule, Health health) noexcept {
  if (health == Health::unhealthy) return true;
  const bool degraded = rule.when == When::server_degraded || rule.when == When::gateway_degraded;
  return degraded && health == Health::degraded;
}

}  // namespace

std::string to_string(const DegradationRule& rule) {
  std::string out(to_string(rule.when));
  out += ':';
  if (!rule.hedge) out += " hedge off,";
  if (!rule.retry) out += " retry off,";
  if (rule.shed == DegradationRule::Shed::low) out += " calls of low priority shed,";
  if (rule.shed == DegradationRule::Shed::normal) out += " all calls but those of high priority shed,";
  out.pop_back();
  return out;
}

void Degradation::look(const Plan& plan) {
  const std::lock_guard lock(lock_);
  HealthSum sum;
  for (const auto& server : plan.servers) sum.add(server->status()->health);
  std::vector<std::pair<std::string, std::string>> acting;
  const auto note = [&](const DegradationRule& rule, const std::string& server) {
    std::pair<std::string, std::string> one(to_string(rule), server);
    if (std::find(acting.begin(), acting.end(), one) == acting.end()) acting.push_back(std::move(one));
  };
  for (const auto& server : plan.servers) {
    const Health own = server->status()->health;
    Restraint restraint;
    for (const DegradationRule& rule : plan.config.degradation) {
      const bool whole = of_gateway(rule);
      if (!fits(rule, whole ? sum.health() : own)) continue;
      restraint.add(rule);
      note(rule, whole ? std::string() : server->name());
    }
    server->restrain(restraint);
  }
  const auto tell = [&](const auto& from, const auto& other, bool acts) {
    for (const auto& one : from)
      if (told_ && std::find(other.begin(), other.end(), one) == other.end())
        told_(one.first, one.second, acts);
  };
  tell(acting_, acting, false);
  tell(acting, acting_, true);
  acting_ = std::move(acting);
}

std::vector<std::pair<std::string, std::string>> Degradation::acting() const {
  const std::lock_guard lock(lock_);
  return acting_;
}

}  // namespace weir
