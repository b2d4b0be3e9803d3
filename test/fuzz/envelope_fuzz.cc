// Requests of the new era: what is let through says in its headers what it says in its body. The input is
// header lines and a body.
#include <cstdint>
#include <string>
#include <string_view>

#include "base/check.h"
#include "front/envelope.h"
#include "fuzz/input.h"
#include "fuzz/plain_json.h"
#include "mcp/header_value.h"

namespace {

using weir::fuzz::PlainJson;

const PlainJson* at(const PlainJson* tree, std::initializer_list<std::string_view> path) {
  for (const std::string_view step : path)
    tree = tree != nullptr && tree->is_object() ? tree->find(step) : nullptr;
  return tree;
}

bool says(const PlainJson* tree, std::string_view text) {
  return tree != nullptr && tree->is_string() && tree->text == text;
}

void check_passed(const weir::RequestHead& head, const PlainJson& body, const weir::ClientWord& word) {
  WEIR_CHECK(head.get(weir::Field::mcp_protocol_version) == "2026-07-28");
  WEIR_CHECK(says(at(&body, {"params", "_meta", "io.modelcontextprotocol/protocolVersion"}), "2026-07-28"));
  WEIR_CHECK(says(at(&body, {"method"}), head.get(weir::Field::mcp_method)));
  const PlainJson* const capabilities =
      at(&body, {"params", "_meta", "io.modelcontextprotocol/clientCapabilities"});
  WEIR_CHECK(capabilities && capabilities->is_object());
  WEIR_CHECK(weir::fuzz::maybe_json(word.capabilities) == *capabilities);
  WEIR_CHECK(word.capabilities.size() <= weir::kIntroductionMax);
  if (!word.client_info.empty())
    WEIR_CHECK(weir::fuzz::maybe_json(word.client_info) ==
               *at(&body, {"params", "_meta", "io.modelcontextprotocol/clientInfo"}));
  const std::string method(head.get(weir::Field::mcp_method));
  const char* const mirrored = method == "tools/call" || method == "prompts/get"        ? "name"
                               : method == "resources/read"                             ? "uri"
                               : method.starts_with("tasks/") && method != "tasks/list" ? "taskId"
                                                                                        : "";
  const PlainJson* const name = at(&body, {"params", mirrored});
  if (name == nullptr || !name->is_string()) return;
  WEIR_CHECK(head.has(weir::Field::mcp_name));
  WEIR_CHECK(weir::decode_header_value(head.get(weir::Field::mcp_name)) == name->text);
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  if (size > 8192) return 0;
  weir::fuzz::Input input(data, size);
  const std::string text = "POST /mcp HTTP/1.1\r\nHost: a\r\n" + std::string(input.text()) + "\r\n\r\n";
  weir::RequestHead head;
  weir::HeadRefusal refusal;
  if (weir::parse_request(text, weir::HeadLimits(), head, refusal) != weir::HeadState::done) return 0;
  const auto message = weir::Message::index(weir::Bytes::copy_of(input.rest()), weir::JsonLimits(),
                                            weir::Message::From::client);
  if (!message || !message->is_request()) return 0;
  const auto body = weir::fuzz::maybe_json(input.rest());
  WEIR_CHECK(body.has_value());
  const bool is_new = weir::is_new_request(head, *message);
  WEIR_CHECK(!weir::is_new_request(*message) || is_new);
  const weir::MethodRow* const row = weir::find_method(message->method());
  weir::ClientWord word;
  const auto fault = weir::check_new_request(head, *message, row, word);
  if (!fault) {
    WEIR_CHECK(is_new);
    check_passed(head, *body, word);
  }
  weir::ClientWord bare;
  const auto unheaded = weir::check_new_request(*message, row, bare);
  WEIR_CHECK(fault || !unheaded);  // headers can only add to what is wrong
  for (const auto& one : {fault, unheaded, weir::check_old_version(head)}) {
    if (!one) continue;
    WEIR_CHECK(one->status >= 400 && one->status < 500 && one->code <= -32000 && !one->sentence.empty());
    WEIR_CHECK(one->data.empty() || weir::fuzz::maybe_json(one->data));
  }
  return 0;
}
