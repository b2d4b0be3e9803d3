// Who a client is, for shares, sessions, tasks and keys: the bearer token that it sends, else its address.
// Whether a token is good is not known here. Source: the user's contract, "Client".
#pragma once

#include <string>
#include <string_view>

#include "http/head.h"

namespace weir {

/// `address`, or a digest of the bearer token in `head`, kept in `storage`: tokens themselves go nowhere.
std::string_view client_of(const RequestHead& head, std::string_view address, std::string& storage);

}  // namespace weir
