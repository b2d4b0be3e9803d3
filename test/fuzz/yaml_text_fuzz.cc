// Texts written into YAML read back as the same text and change nothing around them; and JSON, which is YAML,
// means to the YAML reader what it means to a plain reader of JSON.
#include <cstdint>
#include <string>
#include <string_view>

#include "base/check.h"
#include "config/yaml.h"
#include "config/yaml_text.h"
#include "fuzz/plain_json.h"

namespace {

using weir::fuzz::PlainJson;

void check_text(std::string_view text) {
  if (!weir::fuzz::plain_utf8(text)) return;
  const std::string written = weir::yaml_text(text);
  const std::string comment = weir::yaml_comment(text);
  const bool is_key = text != "b";  // which stands there already
  const std::string key = is_key ? written : "key";
  const std::string yaml =
      comment + "\na:\n  " + key + ": 1\n  b: [" + written + ", x]\nc: " + written + "\n" + comment + "\n";
  weir::Diagnostics diagnostics(yaml, "f.yaml");
  const auto root = weir::parse_yaml(yaml, weir::YamlLimits(), diagnostics);
  if (text.find('\0') != std::string_view::npos) {
    WEIR_CHECK(!root);  // that no text of a configuration holds
    return;
  }
  WEIR_CHECK(root.has_value() && diagnostics.take().empty());
  const weir::YamlNode* const a = root->find("a");
  const weir::YamlNode* const c = root->find("c");
  WEIR_CHECK(root->items.size() == 2 && a && c && c->is_scalar() && c->text == text);
  WEIR_CHECK(a->items.size() == 2 && a->items[0].key == (is_key ? text : "key"));
  WEIR_CHECK(a->items[1].items.size() == 2 && a->items[1].items[0].text == text);
}

bool same(const weir::YamlNode& node, const PlainJson& tree) {
  if (tree.kind == PlainJson::Kind::object || tree.kind == PlainJson::Kind::array) {
    if (tree.is_object() ? !node.is_map() : !node.is_list()) return false;
    if (node.items.size() != tree.values.size()) return false;
    for (std::size_t i = 0; i < tree.values.size(); ++i)
      if ((tree.is_object() && node.items[i].key != tree.names[i]) || !same(node.items[i], tree.values[i]))
        return false;
    return true;
  }
  if (tree.text == "null" && !tree.is_string()) return node.is_null();
  return node.is_scalar() && node.text == tree.text && node.plain == !tree.is_string();
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  if (size > 4096) return 0;
  const std::string_view text(reinterpret_cast<const char*>(data), size);
  check_text(text.substr(0, 512));
  weir::fuzz::PlainReader reader;
  reader.depth_max = 60;
  const auto tree = reader.read(text);
  if (!tree || reader.twice()) return 0;
  weir::Diagnostics diagnostics(text, "f.json");
  const auto root = weir::parse_yaml(text, weir::YamlLimits(), diagnostics);
  // What YAML does not print may be in JSON: DEL, controls and surrogates, tabs that indent, and a text as
  // long as a key may not be.
  if (root && diagnostics.take().empty()) WEIR_CHECK(same(*root, *tree));
  return 0;
}
