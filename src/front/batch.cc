// Batches, which only sessions of 2025-03-26 know. Each message is served in turn, the answers go out as one
// array. Source: MCP 2025-03-26 basic/transports.
#include "front/serving.h"

namespace weir {
namespace {

constexpr std::size_t kBatchMax = 100;

}  // namespace

Task<void> Serving::in_batch(Visit& visit, const Bytes& body) {
  if (!visit.session || visit.session->revision != Revision::v2025_03_26) {
    co_await refuse(visit, 400, -32600, "batches exist in sessions of 2025-03-26 only", {});
    co_return;
  }
  const std::string_view version =
      visit.head == nullptr ? std::string_view() : visit.head->get(Field::mcp_protocol_version);
  if (!version.empty() && version != to_string(Revision::v2025_03_26)) {
    co_await refuse(visit, 400, -32600, "batches exist in 2025-03-26 only, not in what the header says", {});
    co_return;
  }
  const auto parts = split_batch(body, JsonLimits(), kBatchMax);
  if (!parts) {
    co_await refuse(visit, 400, parts.error().code, parts.error().reason, {});
    co_return;
  }
  BatchSink answers;
  Visit part_visit(answers, visit.plan);
  part_visit.path = visit.path;
  part_visit.client = visit.client;
  part_visit.only = visit.only;
  part_visit.session = visit.session;
  part_visit.head = visit.head;
  std::string_view refused;  // of the client's answers to us, which have no place in the array
  for (const Bytes& part : *parts) {
    const auto message = Message::index(part, JsonLimits(), Message::From::client);
    if (!message) {
      const MessageFault& fault = message.error();
      co_await refuse(part_visit, 400, fault.code, fault.reason, fault.raw_id);
    } else if (message->is_response()) {
      const std::string_view why = answer_ask(*visit.session, *message);
      if (!why.empty()) refused = why;
    } else if (message->method() == "initialize") {
      co_await refuse(part_visit, 400, -32600, "initialize is no part of a batch", message->raw_id());
    } else {
      co_await in_session(part_visit, *message);
    }
  }
  if (answers.answers().empty() && !refused.empty()) {
    co_await refuse(visit, 400, -32600, refused, {});
    co_return;
  }
  std::string out;
  std::size_t size = 1;
  for (const std::string& answer : answers.answers()) size += answer.size() + 1;
  out.reserve(size);
  for (std::string& answer : answers.answers()) {
    out.append(out.empty() ? "[" : ",").append(answer);
    std::string().swap(answer);  // large ones are not held twice
  }
  if (!out.empty()) out += ']';
  visit.sink.set_room(&answers.held());
  co_await visit.sink.finish(out.empty() ? 202 : 200, out);
}

}  // namespace weir
