#include "front/sink.h"

#include <charconv>

#include "gateway/session.h"

namespace weir {

std::string event_id(std::uint64_t stream, std::uint64_t number) {
  return std::to_string(stream) + '-' + std::to_string(number);
}

bool read_event_id(std::string_view text, std::uint64_t& stream, std::uint64_t& number) {
  const char* const end = text.data() + text.size();
  const auto first = std::from_chars(text.data(), end, stream);
  if (first.ec != std::errc() || first.ptr == end || *first.ptr != '-') return false;
  const auto second = std::from_chars(first.ptr + 1, end, number);
  return second.ec == std::errc() && second.ptr == end;
}

Task<void> HttpSink::begin() {
  streaming_ = true;
  const Result<void> begun = co_await responder_.begin_events(fields_);
  lost_ = !begun;
  if (!session_) co_return;
  feed_ = session_->open_stream(stream_);
  if (session_->revision < Revision::v2025_11_25 || lost_) co_return;
  // A place to go on from, before anything can be lost.
  const Result<void> primed = co_await responder_.prime(event_id(stream_, 0));
  lost_ = !primed;
}

Task<void> HttpSink::write(std::string_view json) {
  std::string id;
  if (feed_) id = event_id(stream_, feed_->append(std::make_shared<const std::string>(json)));
  if (lost_) co_return;
  const Result<void> sent = co_await responder_.event(json, id);
  lost_ = !sent;
}

Task<bool> HttpSink::event(std::string_view json) {
  if (!streaming_) co_await begin();
  co_await write(json);
  // What an old client asked for runs on without it; it may come back for the answer.
  co_return !lost_ || session_ != nullptr;
}

Task<void> HttpSink::idle() {
  if (lost_) co_return;
  if (!streaming_) {
    co_await begin();
    co_return;
  }
  const Result<void> sent = co_await responder_.comment();
  lost_ = !sent;
}

Task<void> HttpSink::finish(int status, std::string_view json) {
  if (!streaming_) {
    const Result<void> sent = co_await responder_.respond(
        status, json.empty() ? std::string_view() : std::string_view("application/json"), fields_,
        std::span(&json, 1));
    (void)sent.has_value();  // a client that has gone is noticed by its connection
    co_return;
  }
  co_await write(json);
  if (feed_) session_->end_stream(*feed_);
  if (lost_) co_return;
  const Result<void> ended = co_await responder_.end();
  (void)ended.has_value();
}

void HttpSink::opened(const Session& session) { fields_ += "Mcp-Session-Id: " + session.id + "\r\n"; }

}  // namespace weir
