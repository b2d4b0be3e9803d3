#include "transport/large_event.h"

#include "runtime/shard.h"
#include "transport/server_requests.h"

namespace weir {
namespace {
constexpr std::size_t kSmall = 4096;  // pieces below it are joined
}

LargeEvent::~LargeEvent() {
  if (!ended_ && !is_new(peer_->facts.revision)) owner_.tell(*peer_, cancelled_notification(id_));
}

// Finds what of the bytes at hand can be passed on at once: part_, unless it is empty.
LargeEvent::State LargeEvent::scan() {
  joined_.clear();
  while (true) {
    const std::size_t before = unread_.size();
    const State state = reader_.next(unread_);
    taken_ += before - unread_.size();
    part_ = joined_;
    if (state != State::data) return state;
    const std::string_view piece = reader_.data();
    if (joined_.empty() && (piece.size() >= kSmall || unread_.empty())) {
      part_ = piece;
      return state;
    }
    joined_ += piece;
  }
}

Task<Result<std::string_view>> LargeEvent::read() {
  if (taken_ == 0) {
    taken_ = begun_.size();
    co_return std::string_view(begun_);
  }
  std::string().swap(begun_);
  while (!ended_) {
    const State state = scan();
    if (taken_ > owner_.options_.message_max)
      co_return fail(Error::Kind::too_large, Error::Side::upstream, Error::Sent::maybe,
                     "an event of its answer is larger than limits.message");
    if (state == State::refused)
      co_return fail(Error::Kind::upstream_protocol, Error::Side::upstream, Error::Sent::maybe,
                     "its large answer came as an event that is no message");
    ended_ = state == State::ended;
    if (!part_.empty()) co_return part_;
    if (ended_) break;
    const Result<std::string_view> got = co_await exchange_.read_some(clock_.deadline(), &cancel_);
    if (!got) {
      const Error::Kind kind = got.error().kind();
      ended_ = kind != Error::Kind::cancelled && kind != Error::Kind::deadline_exceeded;
      co_return fail(got.error());
    }
    ended_ = got->empty();
    if (ended_)
      co_return fail(Error::Kind::outcome_unknown, Error::Side::upstream, Error::Sent::maybe,
                     "its answer stream ended in the middle of its answer");
    unread_ = *got;
  }
  co_return std::string_view();
}

Task<Result<std::string_view>> LargeEvent::next() {
  clock_.resume(Shard::current().now());
  Result<std::string_view> part = co_await read();
  clock_.pause(Shard::current().now());
  co_return part;
}

}  // namespace weir
