#include "front/client_identity.h"

#include "base/digest.h"

namespace weir {

std::string_view client_of(const RequestHead& head, std::string_view address, std::string& storage) {
  if (!head.has(Field::authorization)) return address;
  const std::string_view value = head.get(Field::authorization);
  constexpr std::string_view kScheme = "bearer ";
  if (value.size() <= kScheme.size() || !equals_ignoring_case(value.substr(0, kScheme.size()), kScheme))
    return address;
  constexpr std::size_t kBytes = 16;
  storage = "token:" + hex(sha256(value.substr(kScheme.size())), kBytes);
  return storage;
}

}  // namespace weir
