#include "gateway/parking.h"

#include <algorithm>

#include "mcp/client_tasks.h"
#include "mcp/fault_map.h"
#include "mcp/outgoing.h"
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

// True if a client could be asked for this in one result.
bool fits(const std::vector<InputRequest>& requests) {
  return input_message(write_input_required(requests, {})).has_value();
}

std::string too_much(std::string_view raw_id) {
  std::string out;
  append_error(out, raw_id, -32600, "this is too much, or nested too deeply, for the client to be asked");
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

Task<Result<ReplyEvent>> ParkedCalls::Parking::next(TimePoint until) {
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

// What 2025-11-25 says by an error the new revision asks for.
ReplyEvent ParkedCalls::Parking::finished(ReplyEvent event) const {
  if (!event.last || !may_ask_url()) return event;
  const std::vector<InputRequest> urls = urls_required(*event.message);
  if (urls.empty()) return event;
  RequestState again;
  again.server = parked_->held->upstream().name();
  const std::string state = owner_.states_.seal(again, parked_->owner, parked_->held->call().message);
  Result<Message> asked = input_message(write_input_required(urls, state));
  if (!asked) return event;  // the client hears what the server said
  return ReplyEvent(std::move(*asked), true);
}

bool ParkedCalls::Parking::may_ask_url() const {
  const Result<Message> url =
      input_message(R"({"jsonrpc":"2.0","id":0,"method":"elicitation/create","params":{"mode":"url"}})");
  return url && may_be_asked(parked_->held->call().client.capabilities, *url);
}

// True if the client will be asked; else the server has been answered.
bool ParkedCalls::Parking::admit(ReplyEvent event) {
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

// True if the server takes back what its client was not asked yet.
bool ParkedCalls::Parking::withdraw(const Message& message) {
  if (message.method() != "notifications/cancelled") return false;
  const std::string_view raw_id = message.param().find("requestId");
  return std::erase_if(parked_->asks, [raw_id](const Ask& ask) { return ask.raw_id == raw_id; }) != 0;
}

// Refuses what no client can be asked at all; if that is none of them, the later half.
void ParkedCalls::Parking::lessen() {
  std::vector<Ask>& asks = parked_->asks;
  const auto odd =
      std::stable_partition(asks.begin(), asks.end(), [](const Ask& ask) { return fits({ask.request}); });
  const auto from = odd != asks.end() ? odd : asks.begin() + static_cast<std::ptrdiff_t>(asks.size() / 2);
  for (auto it = from; it != asks.end(); ++it) it->asker->send(too_much(it->raw_id));
  asks.erase(from, asks.end());
}

Task<Result<void>> ParkedCalls::Parking::gather() {
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
    if (withdraw(*event->message)) {
      if (parked_->asks.empty()) break;
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

}  // namespace weir
