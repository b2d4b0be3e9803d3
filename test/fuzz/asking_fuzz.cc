// What servers ask of clients and what they say of tasks, read out of any message: what is written from it is
// JSON again, and reads back as what it was written from.
#include <cstdint>
#include <string>
#include <string_view>

#include "base/check.h"
#include "mcp/client_requests.h"
#include "mcp/splice.h"
#include "mcp/task_ids.h"

namespace {

weir::Message indexed(const std::string& text) {
  auto message =
      weir::Message::index(weir::Bytes::copy_of(text), weir::JsonLimits(), weir::Message::From::upstream);
  WEIR_CHECK(message.has_value());
  return std::move(*message);
}

void check_same(const std::vector<weir::InputRequest>& requests,
                const std::vector<weir::InputRequest>& again) {
  WEIR_CHECK(requests.size() == again.size());
  for (std::size_t i = 0; i < requests.size(); ++i) {
    WEIR_CHECK(requests[i].key == again[i].key && requests[i].method == again[i].method);
    WEIR_CHECK(requests[i].params == again[i].params);
  }
}

void check_requests(const std::vector<weir::InputRequest>& requests) {
  const weir::Message written = indexed(weir::write_input_required(requests, "a \"state\""));
  WEIR_CHECK(weir::is_input_required(written) && !weir::is_complete(written));
  const auto again = weir::read_input_required(written);
  WEIR_CHECK(again.has_value() && again->request_state == "\"a \\\"state\\\"\"");
  check_same(requests, again->requests);
  for (const weir::InputRequest& request : requests) {
    const auto sent = weir::Message::index(weir::Bytes::copy_of(weir::write_request("\"i\"", request)),
                                           weir::JsonLimits(), weir::Message::From::upstream);
    // What a result may name twice within, a request may not in its params: its server is told.
    if (!sent) {
      WEIR_CHECK(sent.error().reason.starts_with(weir::to_string(weir::JsonFault::duplicate)));
      continue;
    }
    WEIR_CHECK(sent->is_request() && sent->raw_id() == "\"i\"" && sent->method() == request.method);
  }
}

void check_response(const weir::Message& response) {
  const weir::Message moved = indexed(weir::with_id(response, "7"));
  WEIR_CHECK(moved.raw_id() == "7" && moved.result() == response.result() &&
             moved.error() == response.error());
  if (const auto asked = weir::read_input_required(response); asked && !asked->requests.empty())
    check_requests(asked->requests);
  if (const auto urls = weir::urls_required(response); !urls.empty()) check_requests(urls);
  for (const bool new_era : {false, true})
    if (const auto task = weir::created_task(response, new_era)) {
      const std::string renamed = weir::with_task_ids(std::string(response.text()), task->id, "other:1");
      const auto again = weir::created_task(indexed(renamed), new_era);
      WEIR_CHECK(again.has_value() && (again->id == "other:1" || task->id.empty()));
    }
}

void check_request(const weir::Message& request) {
  if (request.is_request()) {
    const weir::Message renumbered = indexed(weir::renumbered(request, "12"));
    WEIR_CHECK(renumbered.raw_id() == "12" && renumbered.method() == request.method());
  }
  const std::string_view params = request.params();
  if (!params.empty()) {
    (void)weir::declares_input(params);
    (void)weir::may_be_asked(params, request);
    const std::string without = weir::without_tasks(params);
    weir::JsonCursor cursor(without, weir::JsonLimits(), false);
    cursor.take_value();
    WEIR_CHECK(cursor.finish() && !weir::declares_tasks(without));
  }
  const std::string task = weir::task_of(request);
  if (!task.empty()) indexed(weir::with_task_ids(std::string(request.text()), task, "other:1"));
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  const std::string_view text(reinterpret_cast<const char*>(data), size);
  const auto message =
      weir::Message::index(weir::Bytes::copy_of(text), weir::JsonLimits(), weir::Message::From::upstream);
  if (!message) return 0;
  if (message->is_response())
    check_response(*message);
  else
    check_request(*message);
  return 0;
}
