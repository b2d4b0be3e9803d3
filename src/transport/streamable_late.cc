#include "transport/streamable_late.h"

#include <algorithm>

#include "runtime/shard.h"
#include "transport/server_requests.h"

namespace weir {

StreamableLate::~StreamableLate() {
  // Left while the answer was waited for: the new era's server sees the connection close, an old one is told.
  if (!begun_ && !is_new(call_.peer->facts.revision)) owner_.tell(*call_.peer, cancelled_notification(id_));
}

Task<Result<ReplyEvent>> StreamableLate::next(TimePoint until) {
  if (inner_) co_return co_await inner_->next(until);
  std::string refusal;
  HeadState state = exchange_.parse_head(refusal);
  while (state == HeadState::more) {
    const TimePoint deadline = clock_.deadline();
    const TimePoint step = std::min(until, deadline);
    const Result<std::size_t> got = co_await exchange_.fill(step, &call_.cancel);
    if (!got && got.error().kind() == Error::Kind::deadline_exceeded && until < deadline)
      co_return ReplyEvent();
    const Result<void> good = exchange_.filled(got);
    if (!good) {
      const Error::Kind kind = good.error().kind();
      begun_ = kind != Error::Kind::cancelled && kind != Error::Kind::deadline_exceeded;
      co_return fail(good.error());
    }
    state = exchange_.parse_head(refusal);
  }
  begun_ = true;
  if (state == HeadState::done) refusal = Streamable::fault_of(exchange_.head());
  if (!refusal.empty())
    co_return fail(Error::Kind::upstream_protocol, Error::Side::upstream, Error::Sent::maybe,
                   std::move(refusal));
  co_return co_await begin();
}

// The head is there.
Task<Result<ReplyEvent>> StreamableLate::begin() {
  call_.first_by = kForever;
  call_.takes_large = false;
  Result<Reply> reply = co_await owner_.read_reply(call_, id_, std::move(exchange_));
  if (!reply) co_return fail(reply.error());
  inner_ = std::move(reply->rest);
  co_return std::move(reply->first);
}

void StreamableLate::pause() {
  clock_.pause(Shard::current().now());
  if (inner_) inner_->pause();
}

void StreamableLate::resume() {
  clock_.resume(Shard::current().now());
  if (inner_) inner_->resume();
}

}  // namespace weir
