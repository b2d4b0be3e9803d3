#include "gateway/held_call.h"

#include "base/check.h"
#include "gateway/upstream.h"
#include "runtime/hop.h"
#include "transport/server_requests.h"

namespace weir {
namespace {

constexpr std::size_t kUnreadMax = 100;  // of what is asked outside of the call's own stream

Message copy_of(const Message& message) {
  auto copy = Message::index(Bytes::copy_of(message.text()), JsonLimits(), Message::From::upstream);
  WEIR_CHECK(copy);
  return std::move(*copy);
}

}  // namespace

HeldCall::HeldCall(const Call& from, std::shared_ptr<Upstream> upstream, std::shared_ptr<const Peer> peer)
    : upstream_(std::move(upstream)),
      repeatable_(from.may_repeat()),
      message_(copy_of(from.message)),
      call_(message_, from.row, scope_),
      clock_(from.deadline, Shard::current().now()),
      peer_(std::move(peer)) {
  const auto keep = [](std::string& to, std::string_view text) {
    to = text;
    return std::string_view(to);
  };
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
  call_.at = from.at;
  call_.at_only = from.at_only;
  call_.input_time = from.input_time;
  call_.repeats = this;
  call_.priority = from.priority;
  call_.timed = from.timed;
  call_.due = from.deadline;
  if (from.notes != nullptr) notes_ = *from.notes;
  call_.notes = &notes_;
  call_.questions = this;
}

void HeldCall::start() { start_detached(run(std::static_pointer_cast<HeldCall>(shared_from_this()))); }

Task<void> HeldCall::run(std::shared_ptr<HeldCall> self) {
  co_await self->read();
  self->call_.own_permit.end();
  self->over_ = true;
  self->came_.wake();
}

// Its deadline is the reader's: a call that waits for its client's answer has none.
Task<void> HeldCall::read() {
  Result<Reply> reply = co_await upstream().call(call_);
  if (!reply) {
    failed_ = reply.error();
    co_return;
  }
  peer_ = reply->peer;
  bool last = reply->first.last;
  rest_ = reply->rest.get();
  if (paused_ && rest_ != nullptr) rest_->pause();
  push(std::move(reply->first));
  while (!last) {
    while (!wanted_ && !scope_.cancelled()) co_await want_.wait(kForever, &scope_);
    Result<ReplyEvent> event = co_await reply->rest->next(wanted_ ? wanted_until_ : kForever);
    if (!event) {
      failed_ = event.error();
      break;
    }
    last = event->last;
    if (event->message)
      push(std::move(*event));
    else if (wanted_until_ <= Shard::current().now())
      wanted_ = false;  // its reader has waited as long
  }
  rest_ = nullptr;
}

void HeldCall::push(ReplyEvent event) {
  if (over_) {
    if (event.asker) event.asker->send(refusal_outside(*event.message));
    return;
  }
  if (event.message->method() == "notifications/progress") {
    clock_.progress(Shard::current().now());
    call_.due = clock_.deadline();
  }
  events_.push_back(std::move(event));
  came_.wake();
}

Task<Result<ReplyEvent>> HeldCall::next(TimePoint until) {
  while (true) {
    const TimePoint now = Shard::current().now();
    const TimePoint deadline = clock_.deadline();
    const bool late = deadline <= now;
    // Where events never run out, nothing is waited for that could end.
    const bool some = !events_.empty() && (!late || events_.front().last);
    if (some) {
      ReplyEvent event = std::move(events_.front());
      events_.pop_front();
      co_return event;
    }
    if (failed_) co_return fail(*failed_);
    if (late) {
      scope_.cancel();
      // It may have waited for leave all the time.
      if (notes_.attempts == 0)
        co_return fail(Error::Kind::deadline_exceeded, Error::Side::gateway, Error::Sent::no,
                       "its time was over before it could be sent");
      co_return fail(Error::Kind::deadline_exceeded, Error::Side::upstream, Error::Sent::maybe,
                     "it did not answer in time");
    }
    if (until <= now) co_return ReplyEvent();
    wanted_until_ = std::min(until, deadline);
    wanted_ = true;
    want_.wake();
    // Not under the scope: how the call ends when it is cancelled is for its upstream to say.
    co_await came_.wait(wanted_until_, nullptr);
    wanted_ = false;
  }
}

void HeldCall::pause() {
  paused_ = true;
  clock_.pause(Shard::current().now());
  call_.due = clock_.deadline();
  call_.own_permit.pause();
  if (rest_ != nullptr) rest_->pause();
}

void HeldCall::resume() {
  paused_ = false;
  clock_.resume(Shard::current().now());
  call_.due = clock_.deadline();
  call_.own_permit.resume();
  if (rest_ != nullptr) rest_->resume();
}

void HeldCall::put(Message request, std::shared_ptr<ServerLink> asker) {
  if (over_ || events_.size() >= kUnreadMax) return asker->send(refusal_outside(request));
  ReplyEvent event(std::move(request), false);
  event.asker = std::move(asker);
  push(std::move(event));
}

void HeldCall::end() {
  over_ = true;
  scope_.cancel();
  for (const ReplyEvent& event : events_)
    if (event.asker) event.asker->send(refusal_outside(*event.message));
  events_.clear();
}

}  // namespace weir
