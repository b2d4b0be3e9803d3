#include "transport/conversation.h"

#include "mcp/client_requests.h"
#include "mcp/response_frame.h"
#include "runtime/shard.h"
#include "transport/outgoing_call.h"
#include "transport/server_requests.h"

namespace weir {
namespace {

constexpr std::size_t kEventsMax = 10'000;   // log messages apart
constexpr std::size_t kQuestionsMax = 1000;  // of one call, that can be taken back
constexpr std::size_t kQuestionIdMax = 256;

Error cancelled() {
  return Error(Error::Kind::cancelled, Error::Side::client, Error::Sent::maybe, "the call was cancelled");
}

bool is_log(const Message& message) { return message.method() == "notifications/message"; }

/// The way back to a server: as long as its wire is there.
class ConversationLink final : public ServerLink {
 public:
  /// `question`: the raw id of the server's request, if it went to a call.
  ConversationLink(std::weak_ptr<Conversation> to, std::string_view question)
      : to_(std::move(to)), question_(question) {}
  void send(std::string message) override {
    const auto to = to_.lock();
    if (!to) return;
    to->put(message);
    if (!question_.empty() && answers(message)) to->answered(std::exchange(question_, {}));
  }
  void pass_on(std::string request, std::string answer) override {
    const auto to = to_.lock();
    auto message = Message::index(Bytes::copy_of(request), JsonLimits(), Message::From::upstream);
    if (!to || !message) return send(std::move(answer));
    to->answered(std::exchange(question_, {}));
    to->take(std::move(*message));
  }

 private:
  // Progress comes this way, too.
  static bool answers(const std::string& message) {
    const auto parsed = Message::index(Bytes::copy_of(message), JsonLimits(), Message::From::upstream);
    return !parsed || parsed->is_response();
  }

  std::weak_ptr<Conversation> to_;
  std::string question_;
};

}  // namespace

/// The events of a call. Left early, the server is told.
class Conversation::Answers final : public ReplyStream {
 public:
  Answers(std::shared_ptr<Conversation> owner, std::string id, const Call& call)
      : owner_(std::move(owner)),
        id_(std::move(id)),
        clock_(call.deadline, Shard::current().now()),
        cancel_(call.cancel) {
    // An old client that has said no level leaves it to the server, where nobody else is logged to.
    pending_.wants_log = !call.client.log_level.empty() || (call.own_session && !call.client.session.empty());
    pending_.takes_requests = call.takes_requests;
    pending_.client = caller_of(call.client);
    pending_.capabilities = call.client.capabilities;
    pending_.batch = owner_->batch() + 1;
    pending_.counted_as = call.client.identity;
    pending_.room = BufferBudget::Lease(call.budget, pending_.counted_as);
    owner_->expect(id_, pending_);
  }
  ~Answers() override {
    if (!ended_) owner_->forget(id_, pending_.batch <= owner_->batch() && !pending_.refused);
  }

  Task<Result<ReplyEvent>> next(TimePoint until) override {
    const TimePoint deadline = clock_.deadline();
    Result<Message> message = co_await owner_->next_event(pending_, std::min(until, deadline), cancel_);
    if (!message) {
      if (pending_.failed) {
        ended_ = true;
        owner_->forget(id_, !pending_.refused);
      } else if (message.error().kind() == Error::Kind::deadline_exceeded && until < deadline) {
        co_return ReplyEvent();
      }
      co_return fail(message.error());
    }
    if (message->method() == "notifications/progress") clock_.progress(Shard::current().now());
    ended_ = message->is_response();
    if (ended_) owner_->forget(id_, false);
    const bool asks = message->is_request();
    const bool last = ended_;
    ReplyEvent event(std::move(*message), last);
    if (asks) event.asker = std::make_shared<ConversationLink>(owner_, event.message->raw_id());
    co_return event;
  }
  void pause() override {
    pending_.waits_for_client = true;
    clock_.pause(Shard::current().now());
  }
  void resume() override {
    pending_.waits_for_client = false;
    clock_.resume(Shard::current().now());
  }

 private:
  const std::shared_ptr<Conversation> owner_;
  const std::string id_;
  ReplyClock clock_;
  CancelScope& cancel_;
  Pending pending_;
  bool ended_ = false;
};

Task<Result<Reply>> Conversation::call(Call& call, const std::string& id) {
  const OutgoingRequest request = outgoing_request(call, id);
  std::string text;
  append_request(text, call.message, call.row, request);
  auto rest = std::make_unique<Answers>(shared_from_this(), id, call);
  if (wire_ == nullptr || !wire_->put(text, id))
    co_return fail(wire_ == nullptr ? Error::Kind::unreachable : Error::Kind::overloaded,
                   Error::Side::upstream, Error::Sent::no,
                   wire_ == nullptr ? "its connection has gone" : "it reads too slowly");
  Result<ReplyEvent> first = co_await rest->next(call.first_by);
  if (!first) co_return fail(first.error());
  Reply reply(std::move(*first));
  if (!reply.first.last) reply.rest = std::move(rest);
  co_return reply;
}

void Conversation::forget(const std::string& id, bool tell) {
  const auto found = pending_.find(id);
  if (found == pending_.end()) return;
  logs_left_out_ += found->second->logs_left_out;
  pending_.erase(found);
  if (tell && wire_ != nullptr) (void)wire_->put(cancelled_notification(id), id);
}

void Conversation::put(std::string_view message) {
  if (wire_ != nullptr) (void)wire_->put(message, {});
}

Task<Result<Message>> Conversation::next_event(Pending& pending, TimePoint deadline, CancelScope& cancel) {
  while (pending.events.empty()) {
    if (pending.failed) co_return fail(*pending.failed);
    const Wake wake = co_await pending.waiter.wait(deadline, &cancel);
    // What came with the deadline wins over it: the end of the wire, too, is what happened.
    const bool nothing = pending.events.empty() && !pending.failed;
    if (wake == Wake::deadline && nothing)
      co_return fail(Error::Kind::deadline_exceeded, Error::Side::upstream, Error::Sent::maybe,
                     "it did not answer in time");
    if (wake == Wake::cancelled) co_return fail(cancelled());
  }
  // Where events never run out, nothing is waited for that could end.
  if (!pending.events.front().is_response()) {
    if (cancel.cancelled()) co_return fail(cancelled());
    if (deadline <= Shard::current().now())
      co_return fail(Error::Kind::deadline_exceeded, Error::Side::upstream, Error::Sent::maybe,
                     "it reported without end and did not answer in time");
  }
  Message message = std::move(pending.events.front());
  pending.events.pop_front();
  if (is_log(message)) {
    --pending.logs;
    pending.log_bytes -= message.text().size();
  } else {
    pending.bytes -= message.text().size();
  }
  co_return message;
}

// What waits to be read takes its client's room: a pipe or a stream is read on for the sake of other calls.
bool Conversation::has_room(Pending& pending, std::size_t more) {
  const std::size_t wanted = pending.bytes + pending.log_bytes + more;
  return wanted < BufferBudget::kCountedMin || pending.room.grow_to(wanted);
}

void Conversation::deliver(Pending& pending, Message message) {
  if (pending.failed) return;  // a response behind a gap would look like a whole answer
  const std::size_t size = message.text().size();
  if (is_log(message)) {
    // None of them is worth the call.
    const bool much =
        pending.logs >= kEventsMax || (pending.logs != 0 && pending.log_bytes + size > message_max_);
    if (much || !has_room(pending, size)) {
      ++pending.logs_left_out;
      return;
    }
    ++pending.logs;
    pending.log_bytes += size;
    pending.events.push_back(std::move(message));
    pending.waiter.wake();
    return;
  }
  const bool much = pending.events.size() - pending.logs >= kEventsMax || pending.bytes > message_max_;
  if (much && !message.is_response()) {
    pending.failed = Error(Error::Kind::too_large, Error::Side::upstream, Error::Sent::maybe,
                           "it reports faster than its client reads");
  } else if (!message.is_response() && !has_room(pending, size)) {
    pending.failed = Error(Error::Kind::overloaded, Error::Side::gateway, Error::Sent::maybe,
                           "no memory is left for what it reports");
  } else {
    pending.bytes += size;
    pending.events.push_back(std::move(message));
  }
  pending.waiter.wake();
}

// A pending call that fits, where all calls under way are one client's: else it can't be told whose it is.
// Of several one that does not wait for its client already, the one asked least.
Conversation::Pending* Conversation::only_client(const std::function<bool(const Pending&)>& fits) {
  Pending* best = nullptr;
  const std::string* client = nullptr;
  for (const auto& [id, pending] : pending_) {
    if (pending->client.empty()) continue;  // Weir's own
    if (pending->failed || (!pending->events.empty() && pending->events.back().is_response()))
      continue;  // over, though its reader has not seen it yet
    if (client != nullptr && *client != pending->client) return nullptr;
    client = &pending->client;
    if (!fits(*pending)) continue;
    const bool waits = pending->waits_for_client;
    if (best == nullptr || (best->waits_for_client && !waits) ||
        (best->waits_for_client == waits && pending->asked < best->asked))
      best = pending;
  }
  return best;
}

void Conversation::take_request(Message message) {
  // Rather one that declared this: each request of the new revision declares for itself.
  const auto declared = [&](const Pending& one) {
    return one.takes_requests && may_be_asked(one.capabilities, message);
  };
  const auto any = [](const Pending& one) { return one.takes_requests; };
  const auto undeclared = [&](const Pending& one) { return !may_be_asked(one.capabilities, message); };
  Pending* pending = nullptr;
  if (message.method() != "ping") {
    pending = only_client(declared);
    if (pending == nullptr) pending = only_client(any);
    // A client that can't be asked is under way: Weir has no answer of its own for it.
    if (pending == nullptr && only_client(undeclared) != nullptr) return put(refusal(message));
  }
  if (pending != nullptr) {
    ++pending->asked;
    if (pending->questions.size() < kQuestionsMax && message.raw_id().size() <= kQuestionIdMax)
      pending->questions.emplace(message.raw_id());
    deliver(*pending, std::move(message));
  } else if (message.method() != "ping" && stray_) {
    stray_(std::move(message), std::make_shared<ConversationLink>(weak_from_this(), std::string_view()));
  } else {
    put(own_answer(message));
  }
}

// The call that this request of the server's went to, which is asked no more.
Conversation::Pending* Conversation::asked_in(std::string_view raw_id) {
  for (const auto& [id, pending] : pending_) {
    const auto found = pending->questions.find(raw_id);
    if (found == pending->questions.end()) continue;
    pending->questions.erase(found);
    return pending;
  }
  return nullptr;
}

void Conversation::take(Message message) {
  if (message.is_response()) {
    const auto found = pending_.find(message.raw_id());
    if (found != pending_.end()) deliver(*found->second, std::move(message));
    return;
  }
  if (message.is_request()) return take_request(std::move(message));
  const std::string_view method = message.method();
  if (method == "notifications/cancelled") {
    // The server takes a question back: whoever was asked hears of it.
    if (Pending* pending = asked_in(message.param().find("requestId")))
      return deliver(*pending, std::move(message));
  }
  // What was subscribed to names the request that did so.
  const std::string_view subscription = message.meta().find(kMetaSubscription);
  if (!subscription.empty()) {
    const auto found = pending_.find(subscription);
    if (found != pending_.end()) deliver(*found->second, std::move(message));
  } else if (method == "notifications/progress") {
    const auto found = pending_.find(message.param().find("progressToken"));
    if (found != pending_.end()) deliver(*found->second, std::move(message));
  } else if (is_log(message)) {
    Pending* pending = only_client([](const Pending& one) { return one.wants_log; });
    if (pending != nullptr)
      deliver(*pending, std::move(message));
    else if (stray_ && pending_.empty())
      stray_(std::move(message), nullptr);
  } else if (stray_) {
    stray_(std::move(message), nullptr);
  }
}

void Conversation::fail_one(Pending& pending, Error::Kind kind, std::string detail) {
  pending.failed = Error(kind, Error::Side::upstream, Error::Sent::maybe, std::move(detail));
  pending.waiter.wake();
}

void Conversation::refuse(std::string_view id, Error error) {
  const auto found = pending_.find(id);
  if (found == pending_.end() || found->second->failed) return;
  found->second->failed = std::move(error);
  found->second->refused = true;
  found->second->waiter.wake();
}

void Conversation::take_broken(const MessageFault& fault) {
  const auto found = pending_.find(fault.raw_id);
  if (found != pending_.end())
    fail_one(*found->second, Error::Kind::upstream_protocol, "its answer is no response: " + fault.reason);
}

void Conversation::take_overlong(std::string_view begin) {
  const std::optional<FrameHead> head = frame_at_head(begin);
  auto found = head && !head->id.empty() ? pending_.find(head->id) : pending_.end();
  // Its id comes behind the result: it can be no other's where one alone is under way.
  if (found == pending_.end() && pending_.size() == 1 && begin.find("\"method\"") == std::string_view::npos)
    found = pending_.begin();
  if (found != pending_.end())
    fail_one(*found->second, Error::Kind::too_large, "its answer is larger than limits.message");
}

void Conversation::end(std::string_view how) {
  if (wire_ == nullptr) return;
  last_batch_ = wire_->batch();
  wire_ = nullptr;
  for (auto& [id, pending] : pending_) {
    if (pending->failed) continue;
    const bool sent = pending->batch <= last_batch_;
    pending->failed =
        Error(sent ? Error::Kind::outcome_unknown : Error::Kind::unreachable, Error::Side::upstream,
              sent ? Error::Sent::maybe : Error::Sent::no, std::string(how));
    pending->waiter.wake();
  }
}

}  // namespace weir
