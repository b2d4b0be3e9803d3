// JSON: what the cursor takes is what a plain reader takes, no more and no less, within the same bounds;
// texts mean the same to both, and what is written is read back. The first two bytes choose the bounds.
#include <cstdint>
#include <string>
#include <string_view>

#include "base/check.h"
#include "base/json.h"
#include "fuzz/input.h"
#include "fuzz/plain_json.h"

namespace {

using weir::fuzz::PlainJson;

bool taken_whole(std::string_view text, const weir::JsonLimits& limits, bool unique) {
  weir::JsonCursor cursor(text, limits, unique);
  const std::string_view raw = cursor.take_value();
  const bool good = cursor.finish();
  WEIR_CHECK(good == (cursor.fault() == weir::JsonFault::none));
  WEIR_CHECK(!good || (!raw.empty() && text.find(raw) != std::string_view::npos));
  return good;
}

// Step by step, as the index of a message does; compares with the tree on the way.
bool walk(weir::JsonCursor& cursor, const PlainJson* tree) {
  const char first = cursor.peek();
  std::size_t at = 0;
  const auto inside = [&] { return tree && at < tree->values.size() ? &tree->values[at] : nullptr; };
  if (first == '{') {
    if (!cursor.enter_object()) return false;
    for (std::string_view name; cursor.next_member(name); ++at) {
      if (inside()) WEIR_CHECK(weir::json_unescape(name) == tree->names[at]);
      if (inside()) WEIR_CHECK(weir::json_name_is(name, tree->names[at]));
      if (!walk(cursor, inside())) return false;
    }
  } else if (first == '[') {
    if (!cursor.enter_array()) return false;
    for (; cursor.next_element(); ++at)
      if (!walk(cursor, inside())) return false;
  } else {
    const std::string_view raw = cursor.take_value();
    if (tree && tree->is_string()) WEIR_CHECK(weir::json_unescape(raw) == tree->text);
    if (tree && !tree->is_string()) WEIR_CHECK(raw == tree->text);
  }
  WEIR_CHECK(!tree || cursor.fault() != weir::JsonFault::none || at == tree->values.size());
  return cursor.fault() == weir::JsonFault::none;
}

void check_text(std::string_view text) {
  WEIR_CHECK(weir::utf8_valid(text) == weir::fuzz::plain_utf8(text));
  if (!weir::utf8_valid(text)) return;
  std::string written;
  weir::json_append_string(written, text);
  const auto tree = weir::fuzz::maybe_json(written);
  WEIR_CHECK(tree && tree->is_string() && tree->text == text);
  WEIR_CHECK(weir::json_unescape(written) == text);
  for (const char c : written) WEIR_CHECK(static_cast<unsigned char>(c) >= 0x20);
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  if (size > 16384) return 0;
  weir::fuzz::Input input(data, size);
  weir::JsonLimits limits;
  if (const std::size_t depth = input.below(64); depth != 0) limits.depth_max = depth;
  if (const std::size_t members = input.below(64); members != 0) limits.members_max = members;
  const std::string_view text = input.rest();
  weir::fuzz::PlainReader reader;
  reader.depth_max = limits.depth_max;
  reader.members_max = limits.members_max;
  const auto tree = reader.read(text);
  WEIR_CHECK(taken_whole(text, limits, false) == tree.has_value());
  WEIR_CHECK(taken_whole(text, limits, true) == (tree && !reader.twice()));
  weir::JsonCursor cursor(text, limits, false);
  const bool walked = walk(cursor, tree ? &*tree : nullptr) && cursor.finish();
  WEIR_CHECK(walked == tree.has_value());
  check_text(text);
  return 0;
}
