// GET /mcp: an old session's own stream, or what a cut one has missed.
#include "front/envelope.h"
#include "front/http_entry.h"
#include "obs/rejections.h"
#include "runtime/shard.h"

namespace weir {
namespace {

constexpr Duration kQuiet = std::chrono::seconds(15);

// Which feed to read and from where: the session's own, or the one that the last seen event came from. False:
// there is no such event.
bool find_feed(const Visit& visit, std::shared_ptr<Feed>& feed, std::uint64_t& stream, std::uint64_t& after) {
  const std::string_view seen = visit.head->get(Field::last_event_id);
  stream = 0;
  if (seen.empty()) {
    feed = visit.session->shared_feed();
    after = feed->read();
    return true;
  }
  if (!read_event_id(seen, stream, after)) return false;
  feed = visit.session->stream(stream);
  return feed != nullptr && feed->keeps(after);
}

}  // namespace

Task<void> HttpEntry::events(Visit& visit, HttpSink& sink, CancelScope& gone) {
  if (const std::optional<EnvelopeFault> fault = check_old_version(*visit.head)) {
    co_await Serving::refuse(visit, *fault, {});
    co_return;
  }
  visit.session = find_session(visit);
  if (!visit.session) {
    co_await refuse_session(visit, {});
    co_return;
  }
  std::shared_ptr<Feed> feed;
  std::uint64_t stream = 0;
  std::uint64_t after = 0;
  if (!find_feed(visit, feed, stream, after)) {
    count_rejected(Rejected::event_id);
    co_await Serving::refuse(visit, 400, -32600, "Last-Event-ID names no event that is kept", {});
    co_return;
  }
  visit.plan.reset();  // a stream outlives many
  Feed::Reader reader(*feed, after);
  HttpResponder& responder = sink.responder();
  Result<void> sent = co_await responder.begin_events(sink.fields());
  if (sent && visit.session->revision >= Revision::v2025_11_25)
    sent = co_await responder.prime(event_id(stream, after));
  while (sent) {
    const Feed::Reader::Came came = co_await reader.next(Shard::current().now() + kQuiet, gone);
    visit.session->touch(Shard::current().now());  // whoever listens is there, however quiet it is
    if (!serving_.still_admits(visit)) break;
    if (came == Feed::Reader::Came::message)
      sent = co_await responder.event(reader.text(), event_id(stream, reader.number()));
    else if (came == Feed::Reader::Came::nothing)
      sent = co_await responder.comment();
    else
      break;
    if (sent) feed->note_read(reader.number());
  }
  if (sent) sent = co_await responder.end();
  (void)sent.has_value();
}

}  // namespace weir
