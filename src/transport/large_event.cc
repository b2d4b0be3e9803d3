#include "transport/large_event.h"

namespace weir {

Task<Result<std::string_view>> LargeEvent::next() {
  using State = SseDataReader::State;
  const std::size_t size_max = owner_.options_.message_max;
  if (seen_ == 0) {
    seen_ = begun_.size();
    co_return std::string_view(begun_);
  }
  std::string().swap(begun_);
  while (!ended_) {
    switch (reader_.next(unread_)) {
      case State::data:
        seen_ += reader_.data().size();
        if (seen_ > size_max)
          co_return fail(Error::Kind::too_large, Error::Side::upstream, Error::Sent::maybe,
                         "an event of its answer is larger than limits.message");
        co_return reader_.data();
      case State::ended:
        ended_ = true;
        continue;
      case State::refused:
        co_return fail(Error::Kind::upstream_protocol, Error::Side::upstream, Error::Sent::maybe,
                       "its large answer came as an event that is no message");
      case State::more:
        break;
    }
    const Result<std::string_view> got = co_await exchange_.read_some(deadline_, &cancel_);
    if (!got) co_return fail(got.error());
    if (got->empty())
      co_return fail(Error::Kind::outcome_unknown, Error::Side::upstream, Error::Sent::maybe,
                     "its answer stream ended in the middle of its answer");
    unread_ = *got;
  }
  co_return std::string_view();
}

}  // namespace weir
