#include "gateway/hash_key.h"

#include "balance/picker.h"
#include "call/kind.h"
#include "http/head.h"

namespace weir {
namespace {

std::uint64_t client_key(const ClientView& client) {
  return hash_bytes(client.session, hash_bytes(client.identity));
}

}  // namespace

std::uint64_t hash_key_of(const Call& call, const LoadBalancingConfig& config) {
  if (config.strategy != LoadBalancingConfig::Strategy::consistent_hash) return 0;
  switch (config.hash_key) {
    case LoadBalancingConfig::HashKey::client:
      return client_key(call.client);
    case LoadBalancingConfig::HashKey::session:
      return call.client.session.empty() ? client_key(call.client) : hash_bytes(call.client.session);
    case LoadBalancingConfig::HashKey::tool:
      return hash_bytes(tool_of(call));
    case LoadBalancingConfig::HashKey::arguments:
      return hash_bytes(call.message.param().find("arguments"), hash_bytes(tool_of(call)));
    case LoadBalancingConfig::HashKey::header: {
      const std::string_view value =
          call.client.head == nullptr ? std::string_view() : call.client.head->find(config.hash_header);
      return value.empty() ? client_key(call.client) : hash_bytes(value);
    }
  }
  return 0;
}

}  // namespace weir
