// What the client of a parked call reads: events until its server asks for something.
#pragma once

#include <deque>

#include "gateway/parked_call.h"

namespace weir {

/// The held call's events, with requests gathered into one `input_required` result that ends the stream. On
/// the call's home shard.
class ParkedCalls::Parking final : public ReplyStream {
 public:
  /// `owner` outlives it.
  Parking(ParkedCalls& owner, std::shared_ptr<Parked> parked) : owner_(owner), parked_(std::move(parked)) {}
  Task<Result<ReplyEvent>> next(TimePoint until) override;

 private:
  ReplyEvent finished(ReplyEvent event) const;
  bool may_ask_url() const;
  bool admit(ReplyEvent event);
  bool withdraw(const Message& message);
  void lessen();
  Task<Result<void>> gather();

  ParkedCalls& owner_;
  std::shared_ptr<Parked> parked_;
  std::deque<ReplyEvent> ahead_;
};

}  // namespace weir
