#include "gateway/hash_key.h"

#include <cstring>

#include "balance/picker.h"
#include "http/head.h"
#include "mcp/outgoing.h"

namespace weir {
namespace {

std::string_view tool_of(const Call& call) {
  if (!call.target.empty()) return call.target;
  if (!call.name.empty()) return call.name;
  return raw_target(call.message, call.row);
}

// The bearer token that came, whoever checks it; else the address.
std::string_view token_of(const ClientView& client) {
  const std::string_view value =
      client.head == nullptr ? std::string_view() : client.head->find("authorization");
  constexpr std::string_view kScheme = "bearer ";
  const bool bearer =
      value.size() > kScheme.size() && equals_ignoring_case(value.substr(0, kScheme.size()), kScheme);
  return bearer ? value.substr(kScheme.size()) : std::string_view();
}

std::uint64_t client_key(const ClientView& client) {
  const std::string_view token = token_of(client);
  return hash_bytes(client.session, hash_bytes(token.empty() ? client.identity : token));
}

// Of a name what mostly tells it from others: its length, begin, middle and end.
std::uint64_t mark_of(std::string_view name) noexcept {
  const auto word = [](const char* at, std::size_t size) {
    std::uint64_t value = 0;
    std::memcpy(&value, at, size);
    return value;
  };
  if (name.empty()) return 0;
  if (name.size() < 8) return word(name.data(), name.size());
  return word(name.data(), 8) + 3 * word(name.data() + name.size() / 2 - 4, 8) +
         5 * word(name.data() + name.size() - 8, 8);
}

}  // namespace

std::uint64_t kind_of(const Call& call) noexcept {
  // A row of the one table of methods: its place is as good as its name.
  const auto method = static_cast<std::uint64_t>(reinterpret_cast<std::uintptr_t>(&call.row));
  if (call.row.route != Route::by_name) return method;
  const std::string_view tool = tool_of(call);
  return (mark_of(tool) ^ method) * 0x9e3779b97f4a7c15U + tool.size();
}

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
