#include "front/channel_entry.h"

#include "front/channel_sink.h"
#include "front/envelope.h"
#include "mcp/fault_map.h"
#include "runtime/shard.h"

namespace weir {
namespace {

constexpr Duration kKeep = std::chrono::minutes(1);  // how often a quiet session is noted to be in use

/// What the first bytes of a message tell of it.
struct Begin {
  std::string_view id;  // raw; empty: not told
  bool request = false;
};
Begin read_begin(std::string_view text) {
  Begin out;
  JsonCursor cursor(text, JsonLimits(), false);
  std::string_view name;
  if (!cursor.enter_object()) return out;
  while (cursor.next_member(name)) {
    const std::string_view value = cursor.take_value();
    if (value.empty()) break;
    if (name == "id" && value.front() != '{' && value.front() != '[') out.id = value;
    if (name == "method") out.request = true;
  }
  return out;
}

}  // namespace

ChannelEntry::ChannelEntry(Serving& serving, Client client) : serving_(serving), client_(std::move(client)) {}

ChannelEntry::~ChannelEntry() = default;

// The order in which messages came holds where it matters: nothing overtakes `initialize`. False: the channel
// has ended.
Task<bool> ChannelEntry::wait_turn(bool request) {
  while (open()) {
    const bool busy = request && (running_.size() >= kCallsMax || outbox_.full());
    if (!initializing_ && !busy) break;
    if (!initializing_ && running_.size() < kCallsMax)
      co_await outbox_.room();
    else
      co_await changed_.wait(kForever, nullptr);
  }
  co_return open();
}

Task<bool> ChannelEntry::take(Message message) {
  const bool cancelled =
      message.kind() == Message::Kind::notification && message.method() == "notifications/cancelled";
  if (cancelled) {
    // By whatever era: on a channel an id tells whose request is meant.
    const std::string_view id = message.param().find("requestId");
    if (!id.empty()) cancel(id);
    co_return open();
  }
  const bool goes_on = co_await wait_turn(message.is_request());
  if (!goes_on) co_return false;
  keep_session();
  if (message.is_request()) {
    calls_.start(run(std::move(message)));
  } else if (session_ && message.is_response()) {
    // A bad or late one is counted; an error would look like the answer to a request of the client's.
    (void)answer_ask(*session_, message);
  } else if (session_ && !is_new_request(message)) {
    co_await old_notification(std::move(message));
  }
  co_return true;
}

Task<bool> ChannelEntry::take_bytes(Bytes bytes) {
  auto message = Message::index(bytes, JsonLimits(), Message::From::client);
  if (message) co_return co_await take(std::move(*message));
  const bool goes_on = co_await wait_turn(true);
  if (!goes_on) co_return false;
  const std::size_t first = bytes.view().find_first_not_of(" \t\r\n");
  if (first != std::string_view::npos && bytes.view()[first] == '[') {
    calls_.start(run_batch(std::move(bytes)));
    co_return true;
  }
  const MessageFault& fault = message.error();
  std::string out;
  append_error(out, fault.raw_id, fault.code, fault.reason);
  co_return co_await outbox_.put(std::move(out));
}

Task<bool> ChannelEntry::take_overlong(std::string_view begin, std::size_t most) {
  const bool goes_on = co_await wait_turn(true);
  if (!goes_on) co_return false;
  const Begin told = read_begin(begin);
  if (!told.request && !told.id.empty() && session_)
    if (std::shared_ptr<ClientAsk> ask = session_->take_ask(told.id)) give_up_ask(std::move(ask));
  std::string out;
  // An answer of the client's has an id of ours: an error under it would look like an answer to the client.
  append_fault(out, told.request ? told.id : std::string_view(),
               Error(Error::Kind::too_large, Error::Side::client, Error::Sent::no,
                     "a message is longer than limits.body, " + std::to_string(most) + " bytes"),
               {});
  co_return co_await outbox_.put(std::move(out));
}

// The client takes a request back: it hears no more of it.
void ChannelEntry::cancel(std::string_view raw_id) {
  for (Sink* sink : running_)
    if (sink->raw_id() == raw_id) sink->drop();
  if (session_) serving_.gateway().cancel(session_->id, raw_id);
}

// A session lives as long as its channel, however quiet it is.
void ChannelEntry::keep_session() {
  if (session_)
    (void)serving_.gateway().sessions().find(session_->id, session_->owner, session_->path,
                                             Shard::current().now());
}

// What the session's feed brings belongs to no call.
Task<void> ChannelEntry::bring_news() {
  const std::shared_ptr<Feed> feed = session_->shared_feed();
  std::optional<Feed::Reader> reader(std::in_place, *feed, feed->read());
  while (true) {
    const Feed::Reader::Came came = co_await reader->next(Shard::current().now() + kKeep, stop_);
    keep_session();
    if (came == Feed::Reader::Came::message) {
      const bool there = co_await outbox_.put(reader->text());
      if (!there) co_return;
      feed->note_read(reader->number());
    } else if (came == Feed::Reader::Came::behind && client_.may_lose_news) {
      reader.emplace(*feed, feed->read());
    } else if (came == Feed::Reader::Came::behind) {
      abandon();
      co_return;
    } else if (came != Feed::Reader::Came::nothing) {
      co_return;
    }
  }
}

void ChannelEntry::no_more() {
  no_more_ = true;
  // An answer can't come any more, and what has no end of its own would be waited for in vain.
  for (Sink* sink : running_)
    if (sink->endless()) sink->scope().cancel();
  if (session_) session_->end();
  changed_.wake_all();
}

void ChannelEntry::abandon() {
  if (std::exchange(gone_, true)) return;
  for (Sink* sink : running_) sink->drop();
  if (session_) serving_.gateway().cancel(session_->id, {});
  outbox_.close();
  stop_.cancel();
  changed_.wake_all();
}

Task<void> ChannelEntry::finish() {
  co_await calls_.join();
  stop_.cancel();
  co_await news_.join();
  if (session_) (void)serving_.end_session(session_->id, session_->owner, session_->path);
  outbox_.end();
}

}  // namespace weir
