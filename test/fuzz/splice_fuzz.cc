// Edits of a text: in whatever order they are added, and however the result is taken, it is what editing a
// plain string gives; members and elements that are taken out leave JSON with the others. The input is a text
// and then edits: three bytes and a text each.
#include <algorithm>
#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "base/check.h"
#include "base/json.h"
#include "fuzz/input.h"
#include "fuzz/plain_json.h"
#include "mcp/splice.h"

namespace {

struct Edit {
  std::size_t from;
  std::size_t to;
  std::string with;
};

void add(weir::Splices& splices, std::string_view text, const Edit& edit, std::size_t way) {
  const std::string_view part = text.substr(edit.from, edit.to - edit.from);
  if (edit.from == edit.to)
    splices.insert(edit.from, edit.with);
  else if (edit.with.empty())
    splices.erase(edit.from, edit.to);
  else if (way % 2 == 0)
    splices.replace(part, edit.with);
  else
    splices.replace_view(part, edit.with);
}

void check_same(weir::Splices& splices, const std::string& expected) {
  WEIR_CHECK(splices.size() == expected.size());
  std::string appended = "#";
  splices.append_to(appended);
  WEIR_CHECK(appended == "#" + expected);
  std::string room(expected.size(), '#');
  WEIR_CHECK(splices.write_to(room.data()) == room.data() + room.size());
  WEIR_CHECK(room == expected);
  std::vector<std::string_view> pieces(2 * splices.edits() + 1);
  const std::size_t count = splices.pieces(pieces.data());
  std::string joined;
  for (std::size_t i = 0; i < count; ++i) joined += pieces[i];
  WEIR_CHECK(count <= pieces.size() && joined == expected);
}

void check_edits(std::string_view text, const std::vector<Edit>& edits, std::size_t way) {
  weir::Splices splices(text);
  for (const Edit& edit : edits) add(splices, text, edit, way);
  WEIR_CHECK(splices.empty() == edits.empty() && splices.edits() == edits.size());
  std::string expected(text);
  std::vector<Edit> sorted = edits;
  std::sort(sorted.begin(), sorted.end(), [](const Edit& a, const Edit& b) { return a.from > b.from; });
  for (const Edit& edit : sorted) expected.replace(edit.from, edit.to - edit.from, edit.with);
  check_same(splices, expected);
  weir::Splices moved(std::move(splices));
  check_same(moved, expected);
}

// Takes out the parts whose bit is set, of a JSON object or array.
void check_erased(std::string_view text, std::size_t bits) {
  auto tree = weir::fuzz::maybe_json(text);
  if (!tree || tree->values.empty() ||
      (!tree->is_object() && tree->kind != weir::fuzz::PlainJson::Kind::array))
    return;
  std::vector<bool> dropped;
  for (std::size_t i = 0; i < tree->values.size(); ++i) dropped.push_back((bits >> i % 16 & 1) != 0);
  weir::Splices splices(text);
  if (tree->is_object()) {
    const weir::RawMembers members = weir::members_of(text);
    if (members.size() != tree->values.size()) return;  // a name twice
    splices.erase_members(members, dropped);
  } else {
    std::vector<std::string_view> elements;
    weir::JsonCursor cursor(text, weir::JsonLimits(), false);
    cursor.enter_array();
    while (cursor.next_element()) elements.push_back(cursor.take_value());
    splices.erase_elements(elements, dropped);
  }
  std::string out;
  splices.append_to(out);
  const auto left = weir::fuzz::maybe_json(out);
  WEIR_CHECK(left.has_value());
  for (std::size_t i = dropped.size(); i-- > 0;) {
    if (!dropped[i]) continue;
    const auto at = static_cast<std::ptrdiff_t>(i);
    tree->values.erase(tree->values.begin() + at);
    if (tree->is_object()) tree->names.erase(tree->names.begin() + at);
  }
  WEIR_CHECK(*left == *tree);
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  if (size > 4096) return 0;
  weir::fuzz::Input input(data, size);
  const std::string text(input.text());
  const std::size_t way = input.byte();
  check_erased(text, way | input.byte() * 256U);
  std::vector<Edit> edits;
  for (int i = 0; i < 20 && !input.empty(); ++i) {
    Edit edit;
    edit.from = (input.byte() | input.byte() * 256U) % (text.size() + 1);
    edit.to = edit.from + input.below(16);
    edit.with = input.text();
    if (edit.to > text.size()) edit.to = text.size();
    // None may overlap, nor two stand at one place: their order would be nobody's business.
    const bool free = std::none_of(edits.begin(), edits.end(), [&](const Edit& one) {
      return edit.from <= one.to && one.from <= edit.to;
    });
    if (free) edits.push_back(std::move(edit));
  }
  check_edits(text, edits, way);
  return 0;
}
