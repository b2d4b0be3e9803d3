// Whom an address is counted as: one host of IPv6 has a whole /64 to choose its addresses from.
#pragma once

#include <string>
#include <string_view>

namespace weir {

/// `address`: numeric, IPv6 in brackets or without. An IPv4 address (mapped into IPv6 or not) and whatever is
/// no address stay as they are; of an IPv6 address its /64: "[2001:db8:0:1::]/64". Source: RFC 4291 2.5.4.
std::string address_block(std::string_view address);

}  // namespace weir
