// What is indexed as a message is whole JSON, and its parts lie inside it; edits keep it so. What is split as
// a batch is the array's elements.
#include <algorithm>
#include <cstdint>
#include <string>
#include <string_view>

#include "base/check.h"
#include "fuzz/plain_json.h"
#include "gateway/event_text.h"
#include "mcp/merge.h"
#include "mcp/message.h"
#include "mcp/outgoing.h"
#include "mcp/param_headers.h"
#include "mcp/response_frame.h"

namespace {

void check_json(std::string_view text) {
  weir::JsonCursor cursor(text, weir::JsonLimits(), false);
  cursor.take_value();
  WEIR_CHECK(cursor.finish());
}

// The same message to a reader that knows nothing of ours: its kind by its members, and their values.
void check_plainly(const weir::Message& message) {
  using weir::fuzz::PlainJson;
  weir::fuzz::PlainReader reader;
  const auto tree = reader.read(message.text());
  WEIR_CHECK(tree && tree->is_object());
  if (reader.twice()) return;
  const PlainJson* const id = tree->find("id");
  WEIR_CHECK(id != nullptr || message.raw_id().empty());
  if (!message.raw_id().empty()) WEIR_CHECK(weir::fuzz::maybe_json(message.raw_id()) == *id);
  const auto same = [&](std::string_view name, std::string_view raw) {
    const PlainJson* const member = tree->find(name);
    if (!raw.empty()) WEIR_CHECK(member && weir::fuzz::maybe_json(raw) == *member);
  };
  same("params", message.params());
  same("result", message.result());
  same("error", message.error());
  if (!message.is_response())
    WEIR_CHECK(tree->find("method") && tree->find("method")->text == message.method());
  WEIR_CHECK(tree->find("jsonrpc") && tree->find("jsonrpc")->text == "2.0");
}

void check_batch(std::string_view text) {
  constexpr std::size_t most = 8;
  const weir::Bytes bytes = weir::Bytes::copy_of(text);
  const auto parts = weir::split_batch(bytes, weir::JsonLimits(), most);
  weir::fuzz::PlainReader reader;
  const auto tree = reader.read(text);
  if (!parts) {
    WEIR_CHECK(parts.error().code <= -32600 && !parts.error().reason.empty());
    WEIR_CHECK(!tree || tree->kind != weir::fuzz::PlainJson::Kind::array || tree->values.empty() ||
               tree->values.size() > most || reader.twice());
    return;
  }
  WEIR_CHECK(!parts->empty() && parts->size() <= most);
  WEIR_CHECK(tree && tree->values.size() == parts->size());
  for (std::size_t i = 0; i < parts->size(); ++i) {
    WEIR_CHECK(weir::fuzz::maybe_json((*parts)[i].view()) == tree->values[i]);
    WEIR_CHECK((*parts)[i].view().data() >= bytes.view().data());
  }
}

// A server's notification on its way to those who listen.
void check_events(const weir::Message& message) {
  if (message.kind() != weir::Message::Kind::notification) return;
  if (message.method() == "notifications/tasks") {
    const auto tree = weir::fuzz::maybe_json(weir::task_for_listener(message, "a \"task\"", "\"id\""));
    WEIR_CHECK(tree && tree->find("params"));
    // Of what Weir gives there is no second one, whatever the server has written.
    const std::vector<std::string>& names = tree->find("params")->names;
    for (const char* const name : {"_meta", "taskId"})
      WEIR_CHECK(std::count(names.begin(), names.end(), name) == 1);
  }
  if (message.method() == "notifications/resources/updated" && !message.param().find("uri").empty())
    check_json(weir::with_uri(message, "weir://a/\"\n"));
}

void check_part(const weir::Message& message, std::string_view part) {
  if (part.empty()) return;
  WEIR_CHECK(message.offset_of(part) + part.size() <= message.text().size());
  check_json(part);
}

// Where an id is found without walking the result, it is the one that the walk finds.
void check_frame(const weir::Message& message) {
  const std::string_view text = message.text();
  const auto head = weir::frame_at_head(text);
  if (!head) return;
  WEIR_CHECK(message.kind() == weir::Message::Kind::result);
  if (!head->id.empty()) {
    WEIR_CHECK(head->id.data() == message.raw_id().data());
    return;
  }
  const std::string_view id =
      weir::frame_at_tail(text.substr(text.size() - std::min(text.size(), weir::kTailMax)));
  if (!id.empty()) WEIR_CHECK(id == message.raw_id());
}

// Headers that are made of arguments mirror them; what is withheld is cut out, and JSON is left.
void check_page(weir::ListPage page, weir::ListKind kind) {
  std::string lines;
  for (std::size_t i = 0; i < page.entries.size(); ++i) {
    const weir::ListEntry& entry = page.entries[i];
    const weir::ParamRules rules = weir::read_param_rules(entry.input_schema);
    WEIR_CHECK(weir::utf8_valid(rules.fault) && (rules.fault.empty() || rules.params.empty()));
    for (const std::string_view arguments : {entry.raw, entry.input_schema}) {
      lines.clear();
      weir::append_param_headers(lines, rules, arguments, "Mcp-Param-: own\r\n");
      WEIR_CHECK(lines.ends_with("Mcp-Param-: own\r\n"));
      WEIR_CHECK(weir::check_param_headers(rules, arguments, lines).empty());
      const bool plain = std::all_of(lines.begin(), lines.end(),
                                     [](char c) { return (c >= ' ' && c <= '~') || c == '\r' || c == '\n'; });
      WEIR_CHECK(plain);
    }
    if (i % 2 == 0) page.withheld.push_back(entry.raw);
  }
  std::vector<weir::ListPage> pages;
  pages.push_back(std::move(page));
  check_json(weir::join_pages(pages, kind));
}

void check(std::string_view text, weir::Message::From from) {
  const auto message = weir::Message::index(weir::Bytes::copy_of(text), weir::JsonLimits(), from);
  if (!message) {
    WEIR_CHECK(message.error().code <= -32600 && !message.error().reason.empty());
    return;
  }
  check_json(text);
  check_plainly(*message);
  check_events(*message);
  for (const std::string_view part :
       {message->raw_id(), message->params(), message->result(), message->error()})
    check_part(*message, part);
  for (const weir::MethodRow& row : weir::method_rows()) {
    std::string out;
    if (message->is_request() && from == weir::Message::From::client) {
      for (const weir::Revision upstream : {weir::Revision::v2025_11_25, weir::Revision::v2026_07_28})
        for (const weir::Revision client : {weir::Revision::v2025_11_25, weir::Revision::v2026_07_28}) {
          weir::OutgoingRequest request;
          request.id = "1";
          request.target = "other";
          request.upstream = upstream;
          request.client = client;
          request.traceparent = "t";
          out.clear();
          weir::append_request(out, *message, row, request);
          check_json(out);
        }
    } else if (message->is_response()) {
      check_frame(*message);
      for (const weir::Revision client : {weir::Revision::v2025_11_25, weir::Revision::v2026_07_28}) {
        weir::OutgoingAnswer answer;
        answer.client_id = "\"c\"";
        answer.client = client;
        answer.uri_from = "a";
        answer.uri_to = "b";
        out.clear();
        weir::append_response(out, *message, row, answer);
        check_json(out);
      }
      if (row.route == weir::Route::list) {
        auto again = weir::Message::index(message->bytes(), weir::JsonLimits(), from);
        WEIR_CHECK(again.has_value());
        auto page = weir::read_list_page(std::move(*again), row.kind);
        if (page) check_page(std::move(*page), row.kind);
      }
    }
  }
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  const std::string_view text(reinterpret_cast<const char*>(data), size);
  check(text, weir::Message::From::client);
  check(text, weir::Message::From::upstream);
  check_batch(text);
  return 0;
}
