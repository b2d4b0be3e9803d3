#include "gateway/rounds.h"

#include <algorithm>
#include <deque>

#include "base/digest.h"
#include "gateway/stoppable.h"
#include "gateway/upstream.h"
#include "mcp/client_requests.h"
#include "mcp/splice.h"

namespace weir {
namespace {

constexpr int kRoundsMax = 100;
constexpr std::size_t kAsksMax = 100;  // in one round

auto nonsense(std::string detail) {
  return fail(Error::Kind::upstream_protocol, Error::Side::upstream, Error::Sent::maybe, std::move(detail));
}

// Of a round of which nothing was sent: the call itself was, in the rounds before.
Error after_rounds(Error error, const Call& call) {
  using Kind = Error::Kind;
  if (error.sent() == Error::Sent::maybe || call.may_repeat()) return error;
  if (error.kind() == Kind::cancelled || error.kind() == Kind::deadline_exceeded)
    return error.set_sent(Error::Sent::maybe);
  return {Kind::outcome_unknown, error.side(), Error::Sent::maybe,
          "the call had begun, and its client's input did not reach the server: " + error.detail()};
}

/// What one round asks and what was answered.
struct Round {
  InputRequired wanted;
  std::vector<std::string> answers;  // raw results, by place in wanted.requests
  std::string refused;               // raw error of an answer that the server can't be told
  std::size_t open = 0;
  std::size_t asked = 0;  // how many have been handed out
  TimePoint since{};
  Waiter answered;
};

// In 2025-11-25 an URL to visit has an id, of which the new revision knows nothing.
void name_url(InputRequest& request) {
  if (request.method != "elicitation/create" || request.params.empty()) return;
  const RawMembers members = members_of(request.params);
  if (members.find("mode") != "\"url\"" || !members.find("elicitationId").empty()) return;
  const std::string id = hex(sha256(secret_bytes(16)), 16);
  request.params.insert(1, "\"elicitationId\":\"" + id + "\",");
}

/// Takes one answer for its round.
class RoundLink final : public ServerLink {
 public:
  RoundLink(std::weak_ptr<Round> round, std::size_t place) : round_(std::move(round)), place_(place) {}
  void send(std::string text) override {
    const std::shared_ptr<Round> round = round_.lock();
    if (!round || !round->answers[place_].empty()) return;
    const auto message = Message::index(Bytes::copy_of(text), JsonLimits(), Message::From::upstream);
    if (!message || !message->is_response()) return;
    if (message->kind() == Message::Kind::result) {
      round->answers[place_] = message->result();
    } else if (round->wanted.requests[place_].method == "elicitation/create") {
      // The new revision has no errors here; whoever could not be asked has not answered.
      round->answers[place_] = R"({"action":"cancel"})";
    } else {
      round->answers[place_] = "{}";
      round->refused = message->error();
    }
    --round->open;
    round->answered.wake();
  }

 private:
  std::weak_ptr<Round> round_;
  std::size_t place_;
};

class Rounds final : public ReplyStream {
 public:
  Rounds(Upstream& upstream, Call& call, Reply reply)
      : upstream_(upstream), call_(call), deadline_(call.deadline), reply_(std::move(reply)) {
    call_.at = reply_.endpoint;  // it may know no other's state
  }

  Task<Result<ReplyEvent>> next(TimePoint until) override {
    while (true) {
      if (!round_) {
        Result<ReplyEvent> event = co_await from_server(until);
        if (!event || !event->message || !event->last || !is_input_required(*event->message)) co_return event;
        const Result<void> begun = begin(*event->message);
        if (!begun) co_return fail(begun.error());
      }
      if (round_->asked < round_->wanted.requests.size()) co_return ask();
      if (round_->open == 0) {
        if (!round_->refused.empty()) co_return refused();
        const Result<void> sent = co_await again();
        if (!sent) co_return fail(sent.error());
        continue;
      }
      const Wake wake = co_await round_->answered.wait(until, &call_.cancel);
      if (wake == Wake::deadline) co_return ReplyEvent();
      if (wake == Wake::cancelled) {
        Error error(Error::Kind::cancelled, Error::Side::client, Error::Sent::maybe,
                    "the call was cancelled");
        co_return fail(stop_ == nullptr ? std::move(error) : stopped(*stop_, std::move(error)));
      }
    }
  }
  void pause() override {
    if (!round_ && reply_.rest) reply_.rest->pause();
  }
  void resume() override {
    if (!round_ && reply_.rest) reply_.rest->resume();
  }

 private:
  Task<Result<ReplyEvent>> from_server(TimePoint until) {
    if (first_) {
      first_ = false;
      co_return std::move(reply_.first);
    }
    co_return co_await reply_.rest->next(until);
  }

  Result<void> begin(const Message& result) {
    std::optional<InputRequired> wanted = read_input_required(result);
    if (!wanted) return nonsense("it wants input but does not say which");
    if (++rounds_ > kRoundsMax || wanted->requests.size() > kAsksMax)
      return nonsense("it asks its client without end");
    round_ = std::make_shared<Round>();
    round_->wanted = std::move(*wanted);
    for (InputRequest& request : round_->wanted.requests) name_url(request);
    round_->open = round_->wanted.requests.size();
    round_->answers.resize(round_->open);
    round_->since = Shard::current().now();
    asking_ = upstream_.client_asked(call_.at);
    stop_ = upstream_.stop_at(call_.at);
    if (stop_ != nullptr) stop_link_.emplace(*stop_, call_.cancel);
    call_.permit->pause();
    return {};
  }

  Result<ReplyEvent> ask() {
    const std::size_t place = round_->asked++;
    const std::string text = write_request(std::to_string(place + 1), round_->wanted.requests[place]);
    auto message = Message::index(Bytes::copy_of(text), JsonLimits(), Message::From::upstream);
    if (!message) return nonsense("what it asks can't be put to its client: " + message.error().reason);
    ReplyEvent event(std::move(*message), false);
    event.asker = std::make_shared<RoundLink>(round_, place);
    return event;
  }

  // The client could not answer in a way that this server could be told: the call ends with what it said.
  Result<ReplyEvent> refused() const {
    const std::string text = R"({"jsonrpc":"2.0","id":0,"error":)" + round_->refused + '}';
    auto message = Message::index(Bytes::copy_of(text), JsonLimits(), Message::From::upstream);
    if (!message) return nonsense("its client's refusal is no message: " + message.error().reason);
    return ReplyEvent(std::move(*message), true);
  }

  // The call once more, with the answers.
  Task<Result<void>> again() {
    std::string added;
    if (!round_->wanted.requests.empty()) {
      added = "\"inputResponses\":{";
      for (std::size_t i = 0; i < round_->answers.size(); ++i) {
        if (i != 0) added += ',';
        json_append_string(added, round_->wanted.requests[i].key);
        added += ':' + round_->answers[i];
      }
      added += '}';
    }
    if (!round_->wanted.request_state.empty())
      added += (added.empty() ? "\"requestState\":" : ",\"requestState\":") + round_->wanted.request_state;
    Splices splices(call_.message.text());
    if (call_.message.params().empty()) {
      splices.insert(call_.message.text().rfind('}'), ",\"params\":{" + added + '}');
    } else {
      if (call_.message.param().size() != 0) added += ',';
      splices.insert(splices.offset_of(call_.message.params()) + 1, std::move(added));
    }
    std::string text;
    splices.append_to(text);
    auto message = Message::index(Bytes::copy_of(text), JsonLimits(), Message::From::upstream);
    if (!message) co_return nonsense("its state can't be sent back: " + message.error().reason);
    if (deadline_ != kForever) deadline_ += Shard::current().now() - round_->since;
    round_.reset();
    asking_ = Counted();
    stop_link_.reset();
    stop_ = nullptr;
    // The reply before is let go only with the next one there: a server that is configured no more stays.
    asked_.emplace_back(std::move(*message));
    calls_.emplace_back(asked_.back(), call_.row, call_.cancel);
    Call& next = calls_.back();
    next.deadline = deadline_;
    next.at = call_.at;
    next.request_state = asked_.back().param().find("requestState");
    next.target = call_.target;
    next.name = call_.name;
    next.client = call_.client;
    next.trace = call_.trace;
    next.notes = call_.notes;
    next.takes_requests = call_.takes_requests;
    next.input_time = call_.input_time;
    next.priority = call_.priority;
    next.timed = call_.timed;
    next.permit = call_.permit;
    Result<Reply> reply = co_await upstream_.call(next);
    if (!reply) co_return fail(after_rounds(reply.error(), call_));
    reply_ = std::move(*reply);
    call_.at = reply_.endpoint;  // the next round is for whoever asks now
    first_ = true;
    co_return Result<void>();
  }

  Upstream& upstream_;
  Call& call_;
  TimePoint deadline_;
  std::deque<Message> asked_;
  std::deque<Call> calls_;
  Reply reply_;
  Counted asking_;
  CancelScope* stop_ = nullptr;  // of whoever asks, while its client is waited for
  std::optional<ScopeLink> stop_link_;
  bool first_ = true;
  int rounds_ = 0;
  std::shared_ptr<Round> round_;
};

}  // namespace

Task<Result<Reply>> in_rounds(Upstream& upstream, Call& call, Reply reply) {
  if (reply.first.last && !(reply.first.message && is_input_required(*reply.first.message))) co_return reply;
  std::shared_ptr<const Peer> peer = reply.peer;
  auto rest = std::make_unique<Rounds>(upstream, call, std::move(reply));
  Result<ReplyEvent> first = co_await rest->next(kForever);
  if (!first) co_return fail(first.error());
  Reply out(std::move(*first));
  out.peer = std::move(peer);
  if (!out.first.last) out.rest = std::move(rest);
  co_return out;
}

}  // namespace weir
