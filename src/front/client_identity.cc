#include "front/client_identity.h"

#include "base/digest.h"
#include "gateway/credentials.h"

namespace weir {

std::string_view client_of(const RequestHead& head, std::string_view address, std::string& storage) {
  if (!head.has(Field::authorization)) return address;
  const std::string_view token = bearer_of(head.get(Field::authorization));
  if (token.empty()) return address;
  constexpr std::size_t kBytes = 16;
  storage = "token:" + hex(sha256(token), kBytes);
  return storage;
}

}  // namespace weir
