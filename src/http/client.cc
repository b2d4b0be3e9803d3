#include "http/client.h"

#include <algorithm>

namespace weir {
namespace {

constexpr std::size_t kPostMax = 16 * 1024;  // what is larger fills the wire by itself

auto upstream_fault(Error::Kind kind, std::string detail) {
  return fail(kind, Error::Side::upstream, Error::Sent::maybe, std::move(detail));
}

}  // namespace

Task<Result<void>> HttpExchange::send(std::span<const iovec> pieces, TimePoint deadline,
                                      CancelScope* cancel) {
  Channel& channel = connection_.channel();
  std::size_t total = 0;
  for (const iovec& piece : pieces) total += piece.iov_len;
  // The usual request fits the socket: no further coroutine, and what was taken is known exactly.
  const std::ptrdiff_t taken = channel.try_write(pieces);
  if (taken < 0)
    co_return fail(Error::Kind::unreachable, Error::Side::upstream, Error::Sent::no,
                   "the connection was lost");
  if (static_cast<std::size_t>(taken) == total) co_return Result<void>();
  std::vector<iovec> rest(pieces.begin(), pieces.end());
  auto skip = static_cast<std::size_t>(taken);
  for (iovec& piece : rest) {
    const std::size_t step = std::min(skip, piece.iov_len);
    piece.iov_base = static_cast<char*>(piece.iov_base) + step;
    piece.iov_len -= step;
    skip -= step;
  }
  Result<void> written = co_await channel.write(rest, deadline, cancel);
  if (!written) {
    Error error = written.error();
    error.set_sent(taken == 0 ? Error::Sent::no : Error::Sent::maybe);
    co_return fail(std::move(error));
  }
  co_return Result<void>();
}

bool HttpExchange::send_now(Bytes request) noexcept {
  Channel& channel = connection_.channel();
  const std::string_view text = request.view();
  if (text.size() <= kPostMax && channel.post(std::move(request))) return true;
  const iovec piece{const_cast<char*>(text.data()), text.size()};
  return channel.try_write(std::span(&piece, 1)) == static_cast<std::ptrdiff_t>(text.size());
}

bool HttpExchange::take_whole(std::size_t size_max, Bytes& body) {
  Channel& channel = connection_.channel();
  if (until_end_ || inflater_ || head_.chunked() || left_ > size_max || channel.pending().size() < left_)
    return false;
  const auto size = static_cast<std::size_t>(left_);
  body = channel.share(channel.pending().substr(0, size));
  channel.consume(size);
  left_ = 0;
  complete_ = true;
  return true;
}

// Waits for bytes; the connection's end is an error here.
Task<Result<std::size_t>> HttpExchange::more(TimePoint deadline, CancelScope* cancel) {
  Result<std::size_t> got = co_await fill(deadline, cancel);
  const Result<void> good = filled(got);
  if (!good) co_return fail(good.error());
  co_return *got;
}

Error HttpExchange::cut_off(const Result<std::size_t>& got) {
  // A request that has not left stays here, whatever ended the wait for its answer.
  const bool unsent = !answered_ && connection_.channel().take_back();
  if (!got && got.error().kind() != Error::Kind::unreachable) {
    Error error = got.error();
    if (unsent) error.set_sent(Error::Sent::no);
    return error;
  }
  if (unsent)
    return Error(Error::Kind::unreachable, Error::Side::upstream, Error::Sent::no,
                 "the connection was lost before the request was sent");
  return Error(Error::Kind::outcome_unknown, Error::Side::upstream, Error::Sent::maybe,
               answered_ ? "the answer was cut off" : "the connection ended before an answer");
}

Result<void> HttpExchange::filled(const Result<std::size_t>& got) {
  if (!got || *got == 0) return fail(cut_off(got));
  answered_ = true;
  return {};
}

HeadState HttpExchange::parse_head(std::string& reason) {
  Channel& channel = connection_.channel();
  const HeadLimits limits;
  HeadRefusal refusal;
  while (true) {
    if (channel.pending().empty()) return HeadState::more;
    if (head_.touched()) head_.reset();
    const HeadState state = parse_response(channel.pending(), limits, head_, refusal);
    if (state == HeadState::refused) reason = "invalid HTTP answer: " + std::string(refusal.reason);
    if (state != HeadState::done) return state;
    keeps_head_ = channel.share(channel.pending().substr(0, head_.size()));
    channel.consume(head_.size());
    if (head_.status == 101) {
      reason = "invalid HTTP answer: unasked switch of protocols";
      return HeadState::refused;
    }
    if (head_.status >= 200) break;
  }
  left_ = head_.content_length().value_or(0);
  until_end_ = !head_.content_length() && !head_.chunked();
  complete_ = !until_end_ && !head_.chunked() && left_ == 0;
  if (head_.has(Field::content_encoding)) inflater_ = Inflater::of(head_.get(Field::content_encoding));
  return HeadState::done;
}

Task<Result<const ResponseHead*>> HttpExchange::read_head(TimePoint deadline, CancelScope* cancel) {
  std::string reason;
  while (true) {
    const HeadState state = parse_head(reason);
    if (state == HeadState::done) break;
    if (state == HeadState::refused) co_return upstream_fault(Error::Kind::upstream_protocol, reason);
    const Result<void> more = filled(co_await fill(deadline, cancel));
    if (!more) co_return fail(more.error());
  }
  const ResponseHead* const head = &head_;
  co_return head;
}

Task<Result<std::string_view>> HttpExchange::read_some(TimePoint deadline, CancelScope* cancel) {
  return inflater_ ? read_unpacked(deadline, cancel) : read_raw(deadline, cancel);
}

Task<Result<std::string_view>> HttpExchange::read_unpacked(TimePoint deadline, CancelScope* cancel) {
  using State = Inflater::State;
  while (true) {
    const State state = inflater_->next();
    if (state == State::data) co_return inflater_->data();
    if (state == State::too_much)
      co_return upstream_fault(
          Error::Kind::too_large,
          "its packed answer unpacks to over " + std::to_string(Inflater::kRatioMax) + " times its size");
    if (state == State::broken)
      co_return upstream_fault(Error::Kind::upstream_protocol, "its answer is not packed as it says");
    const Result<std::string_view> part = co_await read_raw(deadline, cancel);
    if (!part) co_return fail(part.error());
    if (part->empty() && state != State::done)
      co_return upstream_fault(Error::Kind::upstream_protocol, "its packed answer has no end");
    if (part->empty()) co_return std::string_view();
    inflater_->feed(*part);
  }
}

Task<Result<std::string_view>> HttpExchange::read_raw(TimePoint deadline, CancelScope* cancel) {
  Channel& channel = connection_.channel();
  channel.consume(std::exchange(to_consume_, 0));
  while (!complete_) {
    std::string_view part;
    if (head_.chunked()) {
      const ChunkedDecoder::State state = chunks_.next(channel.pending());
      if (state == ChunkedDecoder::State::refused)
        co_return upstream_fault(Error::Kind::upstream_protocol,
                                 "invalid HTTP answer: " + std::string(chunks_.reason()));
      part = chunks_.data();
      if (state == ChunkedDecoder::State::data) {
        to_consume_ = chunks_.consumed();
        co_return part;
      }
      channel.consume(chunks_.consumed());
      complete_ = state == ChunkedDecoder::State::done;
      if (complete_) break;
    } else if (!channel.pending().empty()) {
      part = channel.pending();
      if (!until_end_) {
        part = part.substr(0, static_cast<std::size_t>(std::min<std::uint64_t>(left_, part.size())));
        left_ -= part.size();
        complete_ = left_ == 0;
      }
      to_consume_ = part.size();
      co_return part;
    }
    if (until_end_) {
      Result<std::size_t> got = co_await channel.fill(deadline, cancel);
      if (!got) co_return fail(cut_off(got));
      complete_ = *got == 0;
    } else {
      const Result<std::size_t> got = co_await more(deadline, cancel);
      if (!got) co_return fail(got.error());
    }
  }
  co_return std::string_view();
}

Task<Result<Bytes>> HttpExchange::read_all(std::size_t size_max, TimePoint deadline, CancelScope* cancel,
                                           BufferBudget::Lease* room, GrowingBytes joined) {
  const auto too_large = [&] {
    return upstream_fault(Error::Kind::too_large,
                          "the answer has more than " + std::to_string(size_max) + " bytes");
  };
  const auto no_room = [] {
    return fail(Error::Kind::overloaded, Error::Side::gateway, Error::Sent::maybe,
                "no memory is left for the answer (limits.buffers): come back later");
  };
  const auto fits = [&](std::size_t size) {
    return size < BufferBudget::kCountedMin || room == nullptr || room->grow_to(size);
  };
  if (left_ > size_max) co_return too_large();
  if (!until_end_ && !inflater_ && !head_.chunked()) {
    Channel& channel = connection_.channel();
    const auto size = static_cast<std::size_t>(left_);
    if (channel.pending().size() < size) {
      if (!fits(size) || !buffers_have_room(size)) co_return no_room();
      channel.reserve(size);
    }
    while (channel.pending().size() < size) {
      const Result<std::size_t> got = co_await more(deadline, cancel);
      if (!got) co_return fail(got.error());
    }
    Bytes body = channel.share(channel.pending().substr(0, size));
    channel.consume(size);
    left_ = 0;
    complete_ = true;
    co_return body;
  }
  while (true) {
    const Result<std::string_view> part = co_await read_some(deadline, cancel);
    if (!part) co_return fail(part.error());
    if (part->empty()) break;
    if (joined.size() + part->size() > size_max) co_return too_large();
    if (!fits(joined.size() + part->size()) || !joined.append(*part)) co_return no_room();
  }
  co_return joined.take();
}

void HttpExchange::finish() noexcept {
  if (!connection_) return;
  connection_.channel().consume(std::exchange(to_consume_, 0));
  if (complete_ && !until_end_ && head_.keep_alive())
    connection_.keep();
  else
    connection_ = PooledConnection();
}

}  // namespace weir
