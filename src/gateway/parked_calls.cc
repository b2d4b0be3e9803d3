#include "gateway/parked_calls.h"

#include "gateway/parking.h"
#include "mcp/client_requests.h"
#include "mcp/outgoing.h"
#include "runtime/hop.h"

namespace weir {

Result<Message> input_message(std::string_view text) {
  auto message = Message::index(Bytes::copy_of(text), JsonLimits(), Message::From::upstream);
  if (!message)
    return fail(Error::Kind::upstream_protocol, Error::Side::upstream, Error::Sent::maybe,
                "what it asks can't be put to its client: " + message.error().reason);
  return std::move(*message);
}

std::string input_ended(std::string_view raw_id) {
  std::string out = R"({"jsonrpc":"2.0","id":)";
  out += raw_id;
  out += R"(,"error":{"code":-32603,"message":"the client did not answer"}})";
  return out;
}

/// What a retry leaves on the parked call's home shard.
struct ParkedCalls::Seat {
  std::shared_ptr<Parked> parked;
  std::unique_ptr<ReplyStream> stream;
};

/// The events of a resumed call, brought from its home.
class ParkedCalls::Resumed final : public ReplyStream {
 public:
  Resumed(Shard& home, std::shared_ptr<Seat> seat, CancelScope& cancel)
      : home_(home), seat_(std::move(seat)), cancel_(cancel) {}
  ~Resumed() override {
    if (&home_ == &Shard::current()) return;
    home_.post(
        [seat = std::move(seat_)]() mutable { seat->stream.reset(), seat->parked.reset(), seat.reset(); });
  }
  Task<Result<ReplyEvent>> next(TimePoint until) override {
    std::function<Task<Result<ReplyEvent>>(CancelScope&)> work = [this, until](CancelScope& scope) {
      return next_there(scope, until);
    };
    return on_shard<Result<ReplyEvent>>(home_, cancel_, std::move(work));
  }

 private:
  Task<Result<ReplyEvent>> next_there(CancelScope& scope, TimePoint until) {
    ScopeLink link(scope, seat_->parked->held->scope());
    Result<ReplyEvent> event = co_await seat_->stream->next(until);
    co_return event;
  }

  Shard& home_;
  std::shared_ptr<Seat> seat_;
  CancelScope& cancel_;
};

ParkedCalls::ParkedCalls(std::span<Shard* const> shards, const RequestStates& states)
    : shards_(shards.begin(), shards.end()), states_(states) {
  for (std::size_t i = 0; i < shards_.size(); ++i) tables_.push_back(std::make_unique<Table>());
}

ParkedCalls::~ParkedCalls() = default;

ParkedCalls::Table& ParkedCalls::table() const noexcept { return *tables_[Shard::current().index()]; }

std::size_t ParkedCalls::size() const noexcept { return table().waiting.size(); }

// Puts it aside; gives the result that tells its client. An error: that would be no message, and it is not
// put aside.
Result<Message> ParkedCalls::park(std::shared_ptr<Parked> parked) {
  Table& here = table();
  Shard& shard = Shard::current();
  RequestState state;
  state.kind = RequestState::Kind::parked;
  state.shard = static_cast<std::uint16_t>(shard.index());
  state.number = here.next++;
  state.raw = parked->held->upstream().name();  // who comes too late is told whose call it was
  std::vector<InputRequest> requests;
  for (const Ask& ask : parked->asks) requests.push_back(ask.request);
  Result<Message> asked = input_message(
      write_input_required(requests, states_.seal(state, parked->owner, parked->held->call().message)));
  if (!asked) return asked;
  parked->expires = shard.now() + parked->held->call().input_time;
  parked->held->pause();
  here.waiting.emplace(state.number, std::move(parked));
  here.changed.wake();
  if (!here.watched) {
    here.watched = true;
    here.fibers.start(expire(here));
  }
  return asked;
}

Task<void> ParkedCalls::expire(Table& table) {
  while (!table.waiting.empty() && !table.stop.cancelled()) {
    TimePoint next = kForever;
    const TimePoint now = Shard::current().now();
    std::vector<std::shared_ptr<Parked>> gone;
    for (auto it = table.waiting.begin(); it != table.waiting.end();) {
      if (it->second->expires <= now) {
        gone.push_back(std::move(it->second));
        it = table.waiting.erase(it);
      } else {
        next = std::min(next, (it++)->second->expires);
      }
    }
    gone.clear();
    if (table.waiting.empty()) break;
    co_await table.changed.wait(next, &table.stop);
  }
  table.watched = false;
}

Task<void> ParkedCalls::close() {
  Table& here = table();
  here.closed = true;
  here.stop.cancel();
  co_await here.fibers.join();
  std::exchange(here.waiting, {}).clear();
}

Task<Result<Reply>> ParkedCalls::call(ClientCall& by, Call& leaf, std::size_t server,
                                      std::shared_ptr<const Peer> peer) {
  auto parked = std::make_shared<Parked>(leaf, by, server, std::move(peer), table().shares);
  const std::shared_ptr<HeldCall> held = parked->held;
  held->start();
  auto seat = std::make_shared<Seat>();
  seat->stream = std::make_unique<Parking>(*this, parked);
  seat->parked = std::move(parked);
  auto rest = std::make_unique<Resumed>(Shard::current(), seat, leaf.cancel);
  Result<ReplyEvent> first = co_await rest->next(kForever);
  if (leaf.notes != nullptr) *leaf.notes = held->notes();
  if (!first) co_return fail(first.error());
  Reply reply(std::move(*first));
  reply.peer = held->peer();
  if (!reply.first.last) reply.rest = std::move(rest);
  co_return reply;
}

Task<Result<Reply>> ParkedCalls::resume(ClientCall& by, RequestState state, std::string& server) {
  server = state.raw;
  if (state.shard >= shards_.size())
    co_return fail(Error::Kind::input_expired, Error::Side::client, Error::Sent::maybe,
                   "no such call is parked");
  Shard& home = *shards_[state.shard];
  auto seat = std::make_shared<Seat>();
  std::function<Task<Result<Reply>>(CancelScope&)> work = [this, &by, number = state.number,
                                                           seat](CancelScope& scope) {
    return resume_here(by, number, seat, scope);
  };
  Result<Reply> reply = co_await on_shard<Result<Reply>>(home, by.cancel, std::move(work));
  auto rest = std::make_unique<Resumed>(home, std::move(seat), by.cancel);
  if (reply && !reply->first.last) reply->rest = std::move(rest);
  co_return reply;
}

namespace {

// The answers that a retry brings, by key; an error sentence if they can't be read.
std::string read_answers(const Message& retry, RawMembers& answers) {
  const std::string_view raw = retry.param().find("inputResponses");
  if (raw.empty()) return {};
  if (raw.front() != '{') return "params.inputResponses must be an object";
  answers = members_of(raw);
  for (std::size_t i = 0; i < answers.size(); ++i)
    if (answers[i].value.front() != '{') return "each of params.inputResponses is an object";
  return {};
}

}  // namespace

Task<Result<Reply>> ParkedCalls::resume_here(ClientCall& by, std::uint64_t number, std::shared_ptr<Seat> seat,
                                             CancelScope& scope) {
  Table& here = table();
  const auto found = here.waiting.find(number);
  // Its server had begun with the call.
  if (found == here.waiting.end())
    co_return fail(Error::Kind::input_expired, Error::Side::client, Error::Sent::maybe,
                   "the call that waited for this is gone, or is being answered already");
  RawMembers answers;
  if (std::string fault = read_answers(by.message, answers); !fault.empty())
    co_return fail(Error::Kind::not_found, Error::Side::client, Error::Sent::no, std::move(fault));
  std::shared_ptr<Parked> parked = std::move(found->second);
  here.waiting.erase(found);
  std::vector<Ask> open;
  for (Ask& ask : parked->asks) {
    const std::string_view answer = answers.find(ask.request.key);
    if (answer.empty())
      open.push_back(std::move(ask));
    else
      ask.asker->send(write_result(ask.raw_id, answer));
  }
  parked->asks = std::move(open);
  parked->held->resume();
  Reply reply;
  reply.peer = parked->held->peer();
  if (!parked->asks.empty()) {
    // Not all was answered: the rest is asked again.
    Result<Message> asked = park(std::move(parked));
    if (!asked) co_return fail(asked.error());
    reply.first = ReplyEvent(std::move(*asked), true);
    co_return reply;
  }
  seat->stream = std::make_unique<Parking>(*this, parked);
  seat->parked = std::move(parked);
  ScopeLink link(scope, seat->parked->held->scope());
  Result<ReplyEvent> first = co_await seat->stream->next(kForever);
  if (!first) co_return fail(first.error());
  reply.first = std::move(*first);
  co_return reply;
}

}  // namespace weir
