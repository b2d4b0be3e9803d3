// What servers say of themselves in either era: what is kept of it is JSON of the right kind, as it was said,
// of a revision that Weir speaks. The first byte chooses the HTTP status; the rest is a result or a response.
#include <cstdint>
#include <string>
#include <string_view>

#include "base/check.h"
#include "fuzz/input.h"
#include "fuzz/plain_json.h"
#include "mcp/handshake.h"

namespace {

using weir::fuzz::PlainJson;

void check_facts(const weir::ServerFacts& facts, const PlainJson& said) {
  const auto capabilities = weir::fuzz::maybe_json(facts.capabilities);
  WEIR_CHECK(capabilities && capabilities->is_object());
  if (const PlainJson* const one = said.find("capabilities"); one && one->is_object())
    WEIR_CHECK(*capabilities == *one);
  for (const std::string& name : capabilities->names)
    WEIR_CHECK(facts.has(name) || capabilities->values.empty());
  if (!facts.server_info.empty()) {
    const auto info = weir::fuzz::maybe_json(facts.server_info);
    WEIR_CHECK(info && info->is_object());
  }
  if (!facts.instructions.empty()) {
    const auto text = weir::fuzz::maybe_json(facts.instructions);
    WEIR_CHECK(text && text->is_string() && said.find("instructions") && *text == *said.find("instructions"));
  }
  // Asked with what it said, in its revision: whole messages.
  weir::Introduction as;
  as.revision = facts.revision;
  as.capabilities = facts.capabilities;
  as.client_info = facts.server_info;
  const auto asked = weir::fuzz::maybe_json(weir::initialize_request("\"1\"", as));
  WEIR_CHECK(asked && asked->find("params") && asked->find("params")->find("protocolVersion"));
  WEIR_CHECK(asked->find("params")->find("protocolVersion")->text == weir::to_string(facts.revision));
}

void check_probe(int status, std::string_view text) {
  const auto message =
      weir::Message::index(weir::Bytes::copy_of(text), weir::JsonLimits(), weir::Message::From::upstream);
  const weir::Message* const answer = message && message->is_response() ? &*message : nullptr;
  const weir::Probed probed = weir::read_probe(status, answer);
  if (answer == nullptr) WEIR_CHECK(!probed.facts && !probed.again);
  WEIR_CHECK(!probed.again || probed.verdict == weir::ProbeVerdict::modern);
  if (probed.verdict == weir::ProbeVerdict::legacy) WEIR_CHECK(!weir::is_new(probed.wanted));
  if (status == 401 || status == 403) WEIR_CHECK(probed.verdict != weir::ProbeVerdict::legacy);
  if (!probed.facts) return;
  WEIR_CHECK(status == 200 && weir::is_new(probed.facts->revision));
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  if (size > 4096) return 0;
  weir::fuzz::Input input(data, size);
  constexpr int statuses[] = {200, 400, 401, 403, 404, 405, 406, 429, 500, 503};
  const int status = statuses[input.below(std::size(statuses))];
  const std::string_view text = input.rest();
  check_probe(status, text);
  weir::fuzz::PlainReader reader;
  const auto said = reader.read(text);
  if (!said || reader.twice()) return 0;
  if (const auto facts = weir::read_initialize(text)) {
    check_facts(*facts, *said);
    WEIR_CHECK(!weir::is_new(facts->revision));
  }
  if (const auto facts = weir::read_discover(text)) {
    check_facts(*facts, *said);
    WEIR_CHECK(weir::is_new(facts->revision));
  }
  if (said->kind == PlainJson::Kind::array)
    if (const auto newest = weir::newest_listed(text)) {
      bool listed = false;
      for (const PlainJson& one : said->values)
        listed =
            listed || (one.is_string() && (one.text == weir::to_string(*newest) || one.text == "2024-10-07"));
      WEIR_CHECK(listed);
    }
  return 0;
}
