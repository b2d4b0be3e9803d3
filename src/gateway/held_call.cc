#include "gateway/held_call.h"

#include "base/check.h"

namespace weir {
namespace {

Message copy_of(const Message& message) {
  auto copy = Message::index(Bytes::copy_of(message.text()), JsonLimits(), Message::From::upstream);
  WEIR_CHECK(copy);
  return std::move(*copy);
}

}  // namespace

HeldCall::HeldCall(const Call& from) : message_(copy_of(from.message)), call_(message_, from.row, scope_) {
  const auto keep = [](std::string& to, std::string_view text) {
    to = text;
    return std::string_view(to);
  };
  call_.deadline = from.deadline;
  call_.target = keep(texts_.target, from.target);
  call_.name = keep(texts_.name, from.name);
  call_.client.revision = from.client.revision;
  call_.client.identity = keep(texts_.identity, from.client.identity);
  call_.client.client_info = keep(texts_.client_info, from.client.client_info);
  call_.client.capabilities = keep(texts_.capabilities, from.client.capabilities);
  call_.client.log_level = keep(texts_.log_level, from.client.log_level);
  call_.client.session = keep(texts_.session, from.client.session);
  call_.client.param_headers = keep(texts_.param_headers, from.client.param_headers);
  call_.trace.parent = keep(texts_.parent, from.trace.parent);
  call_.trace.state = keep(texts_.state, from.trace.state);
  call_.request_state = keep(texts_.request_state, from.request_state);
  call_.takes_requests = from.takes_requests;
  call_.input_time = from.input_time;
}

}  // namespace weir
