#include "gateway/stoppable.h"

namespace weir {

Error stopped_error() {
  return Error(Error::Kind::shutting_down, Error::Side::gateway, Error::Sent::no, "it is stopped");
}

Error stopped(const CancelScope& stop, Error error) {
  if (!stop.cancelled() || error.kind() != Error::Kind::cancelled) return error;
  if (error.sent() == Error::Sent::no) return stopped_error();
  return Error(Error::Kind::outcome_unknown, Error::Side::gateway, Error::Sent::maybe,
               "it was stopped before it had answered");
}

}  // namespace weir
