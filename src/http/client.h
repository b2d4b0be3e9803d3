// One HTTP exchange with an upstream over a pooled connection: request out in one piece, answer back as it
// comes. What the upstream sends is not trusted: heads are strict, bodies bounded, and a connection whose
// answer was not read to its end, or carried more than it announced, is never used again.
#pragma once

#include <span>
#include <string_view>

#include "base/buffer_budget.h"
#include "base/bytes.h"
#include "http/chunked.h"
#include "http/head.h"
#include "http/inflate.h"
#include "http/pool.h"
#include "runtime/task.h"

namespace weir {

/// One shard, one exchange. Every Error carries whether the upstream may have seen the request.
class HttpExchange {
 public:
  explicit HttpExchange(PooledConnection connection) : connection_(std::move(connection)) {}

  /// Sends the whole request. Errors: unreachable (Sent::no as long as nothing was written),
  /// deadline_exceeded, cancelled.
  Task<Result<void>> send(std::span<const iovec> pieces, TimePoint deadline, CancelScope* cancel);
  /// Sends the whole request with the loop's present round, or at once; false: nothing can be said, use
  /// another connection. For connections that rest; no coroutine.
  bool send_now(Bytes request) noexcept;
  /// Reads the answer's head, interim ones (1xx) passed over. It lives as long as the exchange.
  /// Errors: outcome_unknown (cut before an answer), upstream_protocol, deadline_exceeded, cancelled; all
  /// Sent::maybe.
  Task<Result<const ResponseHead*>> read_head(TimePoint deadline, CancelScope* cancel);
  /// The same in steps, without a coroutine: `more` asks for co_await fill() before the next step.
  HeadState parse_head(std::string& refusal);
  /// Waits for bytes of the answer.
  Channel::Filling fill(TimePoint deadline, CancelScope* cancel) {
    return connection_.channel().fill(deadline, cancel);
  }
  /// Takes note of what fill() gave; the error when there will be no answer.
  Result<void> filled(const Result<std::size_t>& got);
  /// The next piece of the body, unpacked, good until the next call; empty at its end.
  /// Errors as read_head; an end before the announced length is outcome_unknown; too_large: it unpacks to
  /// more than Inflater lets it.
  Task<Result<std::string_view>> read_some(TimePoint deadline, CancelScope* cancel);
  /// Bytes of the body as read_some() gives it, where that is known before its end.
  std::optional<std::uint64_t> length() const noexcept {
    return inflater_ ? std::nullopt : head_.content_length();
  }
  /// The whole body in one piece, without a copy where its length was announced. Kind::too_large over
  /// `size_max`; overloaded where buffers, or `room` (may be null), have no place for it. `begun` is what
  /// read_some() gave of it before; only of a body without an announced length.
  Task<Result<Bytes>> read_all(std::size_t size_max, TimePoint deadline, CancelScope* cancel,
                               BufferBudget::Lease* room = nullptr, GrowingBytes begun = {});
  /// The same without a wait or a coroutine: the body if all of it is there, in one piece.
  bool take_whole(std::size_t size_max, Bytes& body);
  /// Gives the connection back if the answer was read to its end and the upstream keeps it. Call it at the
  /// end.
  void finish() noexcept;

  /// False if it was made without a connection.
  bool connected() const noexcept { return static_cast<bool>(connection_); }
  /// True if the request went out on a connection that an earlier exchange had used.
  bool reused() const noexcept { return connection_.reused(); }
  /// The head read last.
  const ResponseHead& head() const noexcept { return head_; }
  /// True once the whole answer has been read.
  bool complete() const noexcept { return complete_; }
  /// What has come of the body and was not read yet.
  std::string_view pending() noexcept { return connection_.channel().pending(); }
  /// True once any byte of an answer has come.
  bool answered() const noexcept { return answered_; }

 private:
  Error cut_off(const Result<std::size_t>& got);
  Task<Result<std::size_t>> more(TimePoint deadline, CancelScope* cancel);
  Task<Result<std::string_view>> read_raw(TimePoint deadline, CancelScope* cancel);
  Task<Result<std::string_view>> read_unpacked(TimePoint deadline, CancelScope* cancel);

  PooledConnection connection_;
  ResponseHead head_;
  Bytes keeps_head_;
  ChunkedDecoder chunks_;
  std::unique_ptr<Inflater> inflater_;  // of a packed body; mostly null
  std::uint64_t left_ = 0;              // of an announced length
  bool until_end_ = false;              // neither length nor chunks: the connection's end is the body's
  std::size_t to_consume_ = 0;          // given out by the last read_some
  bool answered_ = false;
  bool complete_ = false;
};

}  // namespace weir
