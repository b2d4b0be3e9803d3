// Lists and self-descriptions of several servers as one: whatever each has answered, what a client gets is
// JSON with every entry once, under the name that it was given, and nothing of what was withheld. The first
// two bytes choose the kind and what is withheld; then come the servers' results.
#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "base/check.h"
#include "fuzz/input.h"
#include "fuzz/plain_json.h"
#include "mcp/merge.h"

namespace {

using weir::ListPage;
using weir::fuzz::PlainJson;

PlainJson tree_of(std::string_view text) {
  auto tree = weir::fuzz::maybe_json(text);
  WEIR_CHECK(tree.has_value());
  return std::move(*tree);
}

std::optional<ListPage> page_of(std::string_view result, weir::ListKind kind) {
  const std::string text = R"({"jsonrpc":"2.0","id":1,"result":)" + std::string(result) + "}";
  auto message =
      weir::Message::index(weir::Bytes::copy_of(text), weir::JsonLimits(), weir::Message::From::upstream);
  if (!message || message->result() != result) return std::nullopt;
  auto page = weir::read_list_page(std::move(*message), kind);
  if (!page) return std::nullopt;
  // Entries and those that are no good definitions are all that the list has.
  const PlainJson tree = tree_of(result);
  const PlainJson* const list = tree.find(weir::list_key(kind));
  WEIR_CHECK(list && list->values.size() == page->entries.size() + page->withheld.size());
  for (const weir::ListEntry& entry : page->entries) {
    const PlainJson one = tree_of(entry.raw);
    const PlainJson* const identity = one.find(weir::list_identity(kind));
    WEIR_CHECK(identity && identity->text == entry.identity && !entry.identity.empty());
  }
  return std::move(*page);
}

void check_joined(std::vector<ListPage>& pages, weir::ListKind kind, std::size_t bits) {
  std::vector<PlainJson> expected;
  for (const weir::ListEntry& entry : pages[0].entries) expected.push_back(tree_of(entry.raw));
  std::vector<weir::ListEntry> kept;
  for (weir::ListEntry& entry : pages[0].entries) {
    bits = bits >> 1 | bits << 7;
    if ((bits & 1) == 0) {
      kept.push_back(std::move(entry));
      continue;
    }
    pages[0].withheld.push_back(entry.raw);
    std::size_t place = 0;  // of equal entries any may go
    const PlainJson gone = tree_of(entry.raw);
    while (!(expected[place] == gone)) ++place;
    expected.erase(expected.begin() + static_cast<std::ptrdiff_t>(place));
  }
  pages[0].entries = std::move(kept);
  for (std::size_t i = 1; i < pages.size(); ++i)
    for (const weir::ListEntry& entry : pages[i].entries) expected.push_back(tree_of(entry.raw));
  const PlainJson all = tree_of(weir::join_pages(pages, kind));
  const PlainJson* const result = all.find("result");
  WEIR_CHECK(result && result->find("nextCursor") == nullptr);
  const PlainJson* const list = result->find(weir::list_key(kind));
  WEIR_CHECK(list && list->values.size() == expected.size());
  for (const PlainJson& one : list->values) {
    bool known = false;
    for (const PlainJson& other : expected) known = known || one == other;
    WEIR_CHECK(known);
  }
}

void check_listed(const std::vector<ListPage>& pages, weir::ListKind kind, weir::Revision client) {
  std::vector<weir::NamedEntry> entries;
  for (std::size_t i = 0; i < pages.size(); ++i)
    for (const weir::ListEntry& entry : pages[i].entries)
      entries.push_back(
          {&entry, i == 0 ? entry.identity : "s" + std::to_string(i) + "\"__" + entry.identity});
  std::string out;
  const std::string partial = weir::partial_value({{"a\"b", "unreachable"}}, {{"c", "1s", "\n"}});
  weir::append_list_result(out, kind, client, entries, 7, true, pages.size() % 2 == 0 ? partial : "");
  const PlainJson result = tree_of(out);
  const PlainJson* const list = result.find(weir::list_key(kind));
  WEIR_CHECK(list && list->values.size() == entries.size());
  for (std::size_t i = 0; i < entries.size(); ++i) {
    PlainJson expected = tree_of(entries[i].entry->raw);
    for (std::size_t m = 0; m < expected.names.size(); ++m)
      if (expected.names[m] == weir::list_identity(kind)) {
        expected.values[m].text = entries[i].exposed;
        break;
      }
    WEIR_CHECK(list->values[i] == expected);
  }
}

void check_facts(const std::vector<std::string_view>& results) {
  std::vector<weir::ServerFacts> facts;
  for (const std::string_view result : results)
    if (const auto tree = weir::fuzz::maybe_json(result); tree && tree->is_object())
      for (const auto& read : {weir::read_initialize(result), weir::read_discover(result)})
        if (read) facts.push_back(*read);
  std::vector<const weir::ServerFacts*> all;
  std::vector<std::pair<std::string_view, const weir::ServerFacts*>> named;
  for (const weir::ServerFacts& one : facts) {
    all.push_back(&one);
    named.emplace_back("name", &one);
  }
  for (const weir::Revision client : {weir::Revision::v2025_11_25, weir::Revision::v2026_07_28}) {
    weir::fuzz::PlainReader reader;
    const auto tree = reader.read(weir::merge_capabilities(all, client));
    WEIR_CHECK(tree && tree->is_object());
    for (std::size_t i = 0; i < tree->names.size(); ++i)
      for (std::size_t j = 0; j < i; ++j) WEIR_CHECK(tree->names[i] != tree->names[j]);
  }
  if (const std::string text = weir::merge_instructions(named); !text.empty())
    WEIR_CHECK(tree_of(text).is_string());
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  if (size > 8192) return 0;
  weir::fuzz::Input input(data, size);
  const auto kind = static_cast<weir::ListKind>(input.below(weir::kListKinds));
  const std::size_t bits = input.byte();
  std::vector<std::string_view> results;
  for (int i = 0; i < 6 && !input.empty(); ++i) results.push_back(input.text());
  std::vector<ListPage> pages;
  for (const std::string_view result : results) {
    weir::fuzz::PlainReader reader;
    // Which of two members of one name counts is not said here.
    if (!reader.read(result) || reader.twice()) continue;
    if (auto page = page_of(result, kind)) pages.push_back(std::move(*page));
  }
  check_facts(results);
  if (pages.empty()) return 0;
  for (const weir::Revision client : {weir::Revision::v2025_11_25, weir::Revision::v2026_07_28})
    check_listed(pages, kind, client);
  check_joined(pages, kind, bits);
  return 0;
}
