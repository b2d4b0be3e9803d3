#include "gateway/parked_calls.h"

#include <algorithm>
#include <deque>
#include <map>

#include "mcp/client_requests.h"
#include "mcp/client_tasks.h"
#include "mcp/fault_map.h"
#include "mcp/outgoing.h"
#include "runtime/hop.h"
#include "transport/server_requests.h"

namespace weir {
namespace {

// What a server asks at once comes in one go: so long after each is waited for more of it, and so long in
// all.
constexpr Duration kGather = std::chrono::milliseconds(20);
constexpr Duration kGatherMax = std::chrono::milliseconds(100);
constexpr std::size_t kAsksMax = 100;       // open at a time
constexpr unsigned kAsksInAllMax = 10'000;  // of one call
// Of what is asked together, as it came: the first may be as large as a message, others come on top of it.
constexpr std::size_t kAskedBytesMax = std::size_t{4} << 20;

/// A request of the server's that waits for the client.
struct Ask {
  InputRequest request;
  std::string raw_id;  // the server's
  std::shared_ptr<ServerLink> asker;
};

// A message around what the server has said: it may be too much, or too deep, where that alone was not.
Result<Message> message_of(std::string_view text) {
  auto message = Message::index(Bytes::copy_of(text), JsonLimits(), Message::From::upstream);
  if (!message)
    return fail(Error::Kind::upstream_protocol, Error::Side::upstream, Error::Sent::maybe,
                "what it asks can't be put to its client: " + message.error().reason);
  return std::move(*message);
}

// True if a client could be asked for this in one result.
bool fits(const std::vector<InputRequest>& requests) {
  return message_of(write_input_required(requests, {})).has_value();
}

std::string too_much(std::string_view raw_id) {
  std::string out;
  append_error(out, raw_id, -32600, "this is too much, or nested too deeply, for the client to be asked");
  return out;
}

std::string input_ended(std::string_view raw_id) {
  std::string out = R"({"jsonrpc":"2.0","id":)";
  out += raw_id;
  out += R"(,"error":{"code":-32603,"message":"the client did not answer"}})";
  return out;
}

// The server's request as it was, but for what only its call's own stream needs.
std::string request_again(const Ask& ask) {
  std::string out = R"({"jsonrpc":"2.0","id":)" + ask.raw_id + R"(,"method":)";
  json_append_string(out, ask.request.method);
  if (!ask.request.params.empty()) out.append(R"(,"params":)").append(ask.request.params);
  return out + '}';
}

}  // namespace

/// How many calls each caller has on one shard whose servers have asked for something.
using Shares = std::map<std::string, std::size_t>;

/// A call with what it waits for.
struct ParkedCalls::Parked {
  Parked(const Call& leaf, const ClientCall& by, std::size_t server, std::shared_ptr<const Peer> peer,
         std::shared_ptr<Shares> all)
      : held(std::make_shared<HeldCall>(leaf, by.plan.servers[server], std::move(peer))),
        owner(by.client.identity),
        shares(std::move(all)) {}
  ~Parked() {
    for (const Ask& ask : asks) ask.asker->send(input_ended(ask.raw_id));
    held->end();
    if (!counted) return;
    if (const auto mine = shares->find(owner); --mine->second == 0) shares->erase(mine);
  }
  // False: its caller has too many such calls.
  bool count() {
    if (counted) return true;
    std::size_t& mine = (*shares)[owner];
    counted = mine < kPerOwnerMax;
    mine += counted ? 1 : 0;
    return counted;
  }

  std::shared_ptr<HeldCall> held;
  std::string owner;
  std::shared_ptr<Shares> shares;
  bool counted = false;  // in shares
  std::vector<Ask> asks;
  unsigned asked = 0;  // in all
  TimePoint expires{};
};

struct ParkedCalls::Table {
  std::map<std::uint64_t, std::shared_ptr<Parked>> waiting;
  std::shared_ptr<Shares> shares = std::make_shared<Shares>();
  std::uint64_t next = 1;
  bool closed = false;
  bool watched = false;
  CancelScope stop;
  Waiter changed;
  Nursery fibers;
};

/// The held call's events, with requests gathered into one `input_required` result that ends the stream.
class ParkedCalls::Parking final : public ReplyStream {
 public:
  Parking(ParkedCalls& owner, std::shared_ptr<Parked> parked) : owner_(owner), parked_(std::move(parked)) {}

  Task<Result<ReplyEvent>> next(TimePoint until) override {
    while (ahead_.empty()) {
      Result<ReplyEvent> event = co_await parked_->held->next(until);
      if (!event || !event->message) co_return event;
      if (!event->message->is_request()) co_return finished(std::move(*event));
      if (!admit(std::move(*event))) continue;
      const Result<void> gathered = co_await gather();
      if (!gathered) co_return fail(gathered.error());
    }
    ReplyEvent event = std::move(ahead_.front());
    ahead_.pop_front();
    co_return event;
  }

 private:
  // What 2025-11-25 says by an error the new revision asks for.
  ReplyEvent finished(ReplyEvent event) const {
    if (!event.last || !may_ask_url()) return event;
    const std::vector<InputRequest> urls = urls_required(*event.message);
    if (urls.empty()) return event;
    RequestState again;
    again.server = parked_->held->upstream().name();
    const std::string state = owner_.states_.seal(again, parked_->owner, parked_->held->call().message);
    Result<Message> asked = message_of(write_input_required(urls, state));
    if (!asked) return event;  // the client hears what the server said
    return ReplyEvent(std::move(*asked), true);
  }
  bool may_ask_url() const {
    const Result<Message> url =
        message_of(R"({"jsonrpc":"2.0","id":0,"method":"elicitation/create","params":{"mode":"url"}})");
    return url && may_be_asked(parked_->held->call().client.capabilities, *url);
  }

  // True if the client will be asked; else the server has been answered.
  bool admit(ReplyEvent event) {
    const Message& request = *event.message;
    const bool full = parked_->asks.size() >= kAsksMax || parked_->asked >= kAsksInAllMax ||
                      owner_.table().waiting.size() >= kPerShardMax || owner_.table().closed;
    if (full || !may_be_asked(parked_->held->call().client.capabilities, request) || !parked_->count()) {
      event.asker->send(refusal(request));
      return false;
    }
    Ask ask;
    ask.request.key = std::to_string(++parked_->asked);
    ask.request.method = request.method();
    ask.request.params = params_without_task(request);  // the new revision knows no such wish
    ask.raw_id = request.raw_id();
    ask.asker = std::move(event.asker);
    std::size_t bytes = ask.request.params.size();
    for (const Ask& one : parked_->asks) bytes += one.request.params.size();
    if (bytes > kAskedBytesMax && !parked_->asks.empty()) {
      ask.asker->send(too_much(ask.raw_id));
      return false;
    }
    parked_->asks.push_back(std::move(ask));
    return true;
  }

  // Refuses what no client can be asked at all; if that is none of them, the later half.
  void lessen() {
    std::vector<Ask>& asks = parked_->asks;
    const auto odd =
        std::stable_partition(asks.begin(), asks.end(), [](const Ask& ask) { return fits({ask.request}); });
    const auto from = odd != asks.end() ? odd : asks.begin() + static_cast<std::ptrdiff_t>(asks.size() / 2);
    for (auto it = from; it != asks.end(); ++it) it->asker->send(too_much(it->raw_id));
    asks.erase(from, asks.end());
  }

  Task<Result<void>> gather() {
    const TimePoint most = Shard::current().now() + kGatherMax;
    while (true) {
      const TimePoint until = std::min(most, Shard::current().now() + kGather);
      Result<ReplyEvent> event = co_await parked_->held->next(until);
      if (!event) co_return fail(event.error());
      if (!event->message) break;
      if (event->message->is_request()) {
        (void)admit(std::move(*event));
        continue;
      }
      const bool last = event->last;
      ahead_.push_back(finished(std::move(*event)));
      if (!last) continue;
      // The server did not wait for an answer to its question: it asked in another call.
      for (const Ask& ask : std::exchange(parked_->asks, {}))
        ask.asker->pass_on(request_again(ask), input_ended(ask.raw_id));
      co_return Result<void>();
    }
    while (!parked_->asks.empty()) {
      Result<Message> asked = owner_.park(parked_);
      if (!asked) {
        lessen();
        continue;
      }
      ahead_.emplace_back(std::move(*asked), true);
      break;
    }
    co_return Result<void>();
  }

  ParkedCalls& owner_;
  std::shared_ptr<Parked> parked_;
  std::deque<ReplyEvent> ahead_;
};

/// What a retry leaves on the parked call's home shard.
struct ParkedCalls::Seat {
  std::shared_ptr<Parked> parked;
  std::unique_ptr<ReplyStream> stream;
  std::string server;  // the name of the one that asked
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
  std::vector<InputRequest> requests;
  for (const Ask& ask : parked->asks) requests.push_back(ask.request);
  Result<Message> asked = message_of(
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
  if (state.shard >= shards_.size())
    co_return fail(Error::Kind::input_expired, Error::Side::client, Error::Sent::no,
                   "no such call is parked");
  Shard& home = *shards_[state.shard];
  auto seat = std::make_shared<Seat>();
  std::function<Task<Result<Reply>>(CancelScope&)> work = [this, &by, number = state.number,
                                                           seat](CancelScope& scope) {
    return resume_here(by, number, seat, scope);
  };
  Result<Reply> reply = co_await on_shard<Result<Reply>>(home, by.cancel, std::move(work));
  server = std::move(seat->server);
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
  if (found == here.waiting.end())
    co_return fail(Error::Kind::input_expired, Error::Side::client, Error::Sent::no,
                   "the call that waited for this is gone, or is being answered already");
  RawMembers answers;
  if (std::string fault = read_answers(by.message, answers); !fault.empty())
    co_return fail(Error::Kind::not_found, Error::Side::client, Error::Sent::no, std::move(fault));
  std::shared_ptr<Parked> parked = std::move(found->second);
  here.waiting.erase(found);
  seat->server = parked->held->upstream().name();
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
