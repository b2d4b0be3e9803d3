// A tool's call under its client's idempotency key, on its way: made by the first who asks, told to the
// others. Source: R13.
#pragma once

#include "gateway/keyed_calls.h"
#include "gateway/router.h"

namespace weir {

/// Begins the call that `call.key` is for. True: it is to be made, `call.keyed` is what must be told of its
/// end. False: the answer is there.
Task<bool> begin_keyed(ClientCall& call, Call& leaf, std::size_t server, std::string_view tool,
                       Answer& answer);

/// Keeps the response that ends a call under a key, or asks its client for something.
void keep_answer(const ClientCall& call, const Answer& answer, const Message& response);

}  // namespace weir
