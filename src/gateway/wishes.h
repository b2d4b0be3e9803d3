// What a client may ask of Weir itself for one request, in `params._meta`: how long it may take
// (`weir/timeoutMs`), how urgent it is (`weir/priority`), and under which key it may be
// asked for again (`weir/idempotencyKey`).
// Source: R13, R14, R16; the user's contract, small print of the configuration.
#pragma once

#include <string_view>

#include "gateway/lists.h"

namespace weir {

/// Reads them into `call`. The sentence that refuses the request; empty: they are as they should be.
std::string_view read_wishes(ClientCall& call);

}  // namespace weir
