#include "front/sse_entry.h"

#include "base/base64.h"
#include "base/digest.h"
#include "runtime/hop.h"
#include "runtime/shard.h"

namespace weir {
namespace {

constexpr Duration kQuiet = std::chrono::seconds(15);  // before a stream gets a comment

// What `sessionId` says in the target's query; empty: nothing. Ids have no letter that would need coding.
std::string_view session_id(std::string_view target) {
  constexpr std::string_view kName = "sessionId=";
  std::size_t at = target.find('?');
  while (at != std::string_view::npos) {
    const std::string_view rest = target.substr(at + 1);
    if (rest.starts_with(kName)) return rest.substr(kName.size(), rest.find('&') - kName.size());
    at = target.find('&', at + 1);
  }
  return {};
}

// The process ends: what is under way is finished, then the stream.
Task<void> end_with(CancelScope& stop, ChannelEntry& channel) {
  Waiter waiter;
  while (!stop.cancelled()) co_await waiter.wait(kForever, &stop);
  channel.no_more();
  co_await channel.finish();
}

}  // namespace

std::string OpenStreams::open(std::string_view owner, std::shared_ptr<ChannelEntry> channel) {
  std::string id = base64_encode(secret_bytes(16), Base64::url);
  Place place;
  place.owner = owner;
  place.home = &Shard::current();
  place.channel = std::move(channel);
  std::lock_guard lock(lock_);
  by_id_.emplace(id, std::move(place));
  return id;
}

OpenStreams::Place OpenStreams::find(std::string_view id, std::string_view owner) const {
  std::lock_guard lock(lock_);
  const auto found = by_id_.find(id);
  return found == by_id_.end() || found->second.owner != owner ? Place() : found->second;
}

void OpenStreams::close(std::string_view id) {
  std::lock_guard lock(lock_);
  const auto found = by_id_.find(id);
  if (found != by_id_.end()) by_id_.erase(found);
}

Task<void> SseEntry::stream(Visit& visit, HttpSink& sink, CancelScope& gone) {
  ChannelEntry::Client client;
  client.identity = visit.client;
  client.path = kStreamPath;
  const auto channel = std::make_shared<ChannelEntry>(serving_, std::move(client));
  visit.plan.reset();  // a stream outlives many
  CancelScope leaving;
  std::optional<ScopeLink> with_process;
  if (stop_ != nullptr) with_process.emplace(*stop_, leaving);
  Nursery ending;
  ending.start(end_with(leaving, *channel));
  const std::string id = streams_->open(visit.client, channel);
  HttpResponder& responder = sink.responder();
  Result<void> sent = co_await responder.begin_events(sink.fields());
  const std::string endpoint = std::string(kPostPath) + "?sessionId=" + id;
  if (sent) sent = co_await responder.event(endpoint, {}, "endpoint");
  if (sent) sent = co_await write(visit, responder, *channel, gone);
  streams_->close(id);
  channel->abandon();
  leaving.cancel();
  co_await ending.join();
  if (sent) sent = co_await responder.end();
  (void)sent.has_value();  // a client that has gone is noticed by its connection
}

// Until the channel ends, the client has gone or would be let in no more.
Task<Result<void>> SseEntry::write(const Visit& visit, HttpResponder& responder, ChannelEntry& channel,
                                   CancelScope& gone) {
  std::vector<Outbox::Item> items;
  while (true) {
    const Outbox::Took took = co_await channel.outbox().take(items, Shard::current().now() + kQuiet, &gone);
    if (!serving_.still_admits(visit)) co_return Result<void>();
    if (took == Outbox::Took::nothing) {
      const Result<void> sent = co_await responder.comment();
      if (!sent) co_return sent;
    } else if (took != Outbox::Took::messages) {
      co_return Result<void>();
    }
    for (Outbox::Item& item : items) {
      const Result<void> sent = co_await responder.event(item.text, {}, "message");
      if (!sent) co_return sent;
      item = Outbox::Item();
    }
  }
}

Task<void> SseEntry::post(Visit& visit, Bytes body) {
  const std::string_view id = session_id(visit.head->target);
  auto message = Message::index(body, JsonLimits(), Message::From::client);
  const std::string raw_id(message ? message->raw_id() : std::string_view(message.error().raw_id));
  if (id.empty()) {
    co_await Serving::refuse(visit, 400, -32600, "the query lacks sessionId: open a stream with GET /sse",
                             raw_id);
    co_return;
  }
  const OpenStreams::Place place = streams_->find(id, visit.client);
  bool taken = false;
  if (place.channel) {
    const std::size_t first = body.view().find_first_not_of(" \t\r\n");
    const bool batch = first != std::string_view::npos && body.view()[first] == '[';
    if (!message && !batch) {
      const MessageFault& fault = message.error();
      co_await Serving::refuse(visit, 400, fault.code, fault.reason, fault.raw_id);
      co_return;
    }
    CancelScope never;
    ChannelEntry& channel = *place.channel;
    std::function<Task<bool>(CancelScope&)> work = [&](CancelScope&) {
      return message ? channel.take(std::move(*message)) : channel.take_bytes(std::move(body));
    };
    taken = co_await on_shard<bool>(*place.home, never, std::move(work));
  }
  if (taken)
    co_await visit.sink.finish(202, {});
  else
    co_await Serving::refuse(visit, 404, -32001, "no such session", raw_id);
}

}  // namespace weir
