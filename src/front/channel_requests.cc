// What is done with each message of a channel that has been taken.
#include "front/channel_sink.h"
#include "front/envelope.h"
#include "mcp/client_requests.h"
#include "mcp/methods.h"

namespace weir {

Visit ChannelEntry::visit_for(Sink& sink) const {
  Visit visit(sink, serving_.gateway().plan());
  visit.path = client_.path;
  visit.client = client_.identity;
  visit.client_view.has_headers = false;
  return visit;
}

Task<void> ChannelEntry::run(Message message) {
  const bool begins = message.method() == "initialize" && !is_new_request(message);
  const MethodRow* const row = find_method(message.method());
  Sink sink(*this, begins ? std::string_view() : message.raw_id(),
            row != nullptr && row->route == Route::listen);
  Visit visit = visit_for(sink);
  if (begins)
    co_await initialize(visit, message, sink.scope());
  else
    co_await answer(visit, message, sink.scope());
}

Task<void> ChannelEntry::run_batch(Bytes bytes) {
  Sink sink(*this, {}, false);
  Visit visit = visit_for(sink);
  visit.session = session_;
  co_await serving_.in_batch(visit, bytes);
}

Task<void> ChannelEntry::answer(Visit& visit, const Message& message, CancelScope& scope) {
  if (is_new_request(message)) {
    co_await new_request(visit, message, scope);
  } else if (session_) {
    visit.session = session_;
    co_await serving_.in_session(visit, message);
  } else if (message.method() == "ping") {
    // The one thing that may be asked before all else.
    const std::string pong = write_result(message.raw_id(), "{}");
    co_await visit.sink.finish(200, pong);
  } else {
    co_await Serving::refuse(visit, 400, -32602, "begin with initialize, or say the revision in params._meta",
                             message.raw_id());
  }
}

Task<void> ChannelEntry::new_request(Visit& visit, const Message& message, CancelScope& scope) {
  const MethodRow* row = find_method(message.method());
  ClientWord word;
  if (const std::optional<EnvelopeFault> fault = check_new_request(message, row, word)) {
    co_await Serving::refuse(visit, *fault, message.raw_id());
    co_return;
  }
  take_new_client(visit, message, word);
  co_await serving_.serve(visit, message, *row, scope);
}

Task<void> ChannelEntry::initialize(Visit& visit, const Message& message, CancelScope& scope) {
  if (session_) {
    co_await Serving::refuse(visit, 400, -32600, "this channel has begun its session already",
                             message.raw_id());
    co_return;
  }
  initializing_ = true;
  std::shared_ptr<Session> session = co_await serving_.initialize(visit, message, &scope);
  initializing_ = false;
  changed_.wake_all();
  if (!session) co_return;
  session_ = std::move(session);
  if (!gone_) news_.start(bring_news());
}

Task<void> ChannelEntry::old_notification(Message message) {
  Sink sink(*this, {}, false);
  Visit visit = visit_for(sink);
  visit.session = session_;
  co_await serving_.in_session(visit, message);
}

}  // namespace weir
