#include "resilience/shed.h"

namespace weir {
namespace {

constexpr auto kRetryAfter = std::chrono::seconds(1);

Task<Result<Reply>> refuse() {
  Error error(Error::Kind::overloaded, Error::Side::gateway, Error::Sent::no,
              "it is not well, and calls of this priority wait until it is");
  error.set_retry_after(kRetryAfter);
  co_return fail(std::move(error));
}

}  // namespace

Task<Result<Reply>> Shed::call(Call& call) {
  if (call.client.identity.empty() || !policies_.restraint.get().sheds(call.priority))
    return next_->call(call);
  policies_.counts.shed.fetch_add(1, std::memory_order_relaxed);
  return refuse();
}

}  // namespace weir
