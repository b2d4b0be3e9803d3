#include "http/address_block.h"

#include <arpa/inet.h>

#include <cstring>

namespace weir {

std::string address_block(std::string_view address) {
  std::string text(address);
  if (address.find(':') == std::string_view::npos) return text;
  if (text.size() > 2 && text.front() == '[' && text.back() == ']') text = text.substr(1, text.size() - 2);
  if (const std::size_t zone = text.find('%'); zone != std::string::npos) text.resize(zone);
  in6_addr whole;
  if (::inet_pton(AF_INET6, text.c_str(), &whole) != 1) return std::string(address);
  char out[INET6_ADDRSTRLEN];
  if (IN6_IS_ADDR_V4MAPPED(&whole)) return ::inet_ntop(AF_INET, whole.s6_addr + 12, out, sizeof out);
  std::memset(whole.s6_addr + 8, 0, 8);
  return '[' + std::string(::inet_ntop(AF_INET6, &whole, out, sizeof out)) + "]/64";
}

}  // namespace weir
