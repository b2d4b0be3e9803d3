#include "config/yaml.h"

#include <gtest/gtest.h>

#include "config/json_comments.h"
#include "config/suggest.h"

namespace weir {
namespace {

std::string findings(std::string_view text, const YamlLimits& limits = {}) {
  Diagnostics diagnostics(text, "f");
  parse_yaml(text, limits, diagnostics);
  return to_string(diagnostics.take());
}

YamlNode parsed(std::string_view text) {
  Diagnostics diagnostics(text, "f");
  const auto root = parse_yaml(text, {}, diagnostics);
  EXPECT_EQ(to_string(diagnostics.take()), "") << text;
  return root.value_or(YamlNode{});
}

std::string repeated(std::string_view part, std::size_t times) {
  std::string out;
  for (std::size_t i = 0; i < times; ++i) out += part;
  return out;
}

TEST(ConfigYaml, KeepsOrderKindsAndPositions) {
  const YamlNode root = parsed("a: 1\nb:\n  c: [x, \"y\"]\n  \xC3\xA9: {z: null, w: '5'}\n  v:\n");
  ASSERT_TRUE(root.is_map());
  ASSERT_EQ(root.items.size(), 2u);
  EXPECT_EQ(root.items[0].key, "a");
  EXPECT_EQ(root.items[0].text, "1");
  EXPECT_TRUE(root.items[0].plain);
  EXPECT_EQ(root.items[0].at, (Position{1, 4}));
  const YamlNode& b = root.items[1];
  EXPECT_EQ(b.key_at, (Position{2, 1}));
  const YamlNode* c = b.find("c");
  ASSERT_TRUE(c != nullptr && c->is_list());
  EXPECT_EQ(c->at, (Position{3, 6}));
  EXPECT_EQ(c->items[1].at, (Position{3, 10}));
  EXPECT_FALSE(c->items[1].plain);
  const YamlNode* e = b.find("\xC3\xA9");
  ASSERT_NE(e, nullptr);
  EXPECT_TRUE(e->find("z")->is_null());
  EXPECT_EQ(e->find("w")->at, (Position{4, 19}));
  EXPECT_EQ(e->find("none"), nullptr);
  EXPECT_TRUE(b.find("v")->is_null());
  EXPECT_EQ(b.find("v")->at, (Position{5, 3}));
}

TEST(ConfigYaml, ReadsJson) {
  const YamlNode root =
      parsed("{\n\t\"a\":{\"b\":\"x\\/y\",\"c\":[true,-1,null,],\n\t\"d\":\"\\ud83d\\ude00\"}}");
  const YamlNode* a = root.find("a");
  ASSERT_NE(a, nullptr);
  EXPECT_EQ(a->find("b")->text, "x/y");
  EXPECT_EQ(a->find("c")->items.size(), 3u);
  EXPECT_EQ(a->find("d")->text, "\xF0\x9F\x98\x80");
}

TEST(ConfigYaml, NothingIsNull) {
  for (std::string_view text : {"", "\n", "# only a comment\n", "---\n", "null", "~"})
    EXPECT_TRUE(parsed(text).is_null()) << text;
}

TEST(ConfigYaml, CopiesAliases) {
  const YamlNode root = parsed("a: &x {b: [1]}\nc: *x\n");
  const YamlNode* c = root.find("c");
  ASSERT_TRUE(c != nullptr && c->is_map());
  EXPECT_EQ(c->key_at, (Position{2, 1}));
  EXPECT_EQ(c->find("b")->items[0].text, "1");
}

TEST(ConfigYaml, SaysWhatIsWrongAndWhere) {
  const std::pair<std::string, std::string> cases[] = {
      {"a: 1\na: 2\n", "f:2:1: duplicate key \"a\" (first on line 1)\na: 2\n^\n"},
      {"a: 1\n---\nb: 2\n",
       "f:2:1: a second YAML document starts here; a configuration is one document\n---\n^\n"},
      {"%YAML 1.2\n---\na: 1\n",
       "f:1:1: lines that start with % are YAML directives, which are not supported\n%YAML 1.2\n^\n"},
      {"a: b\x01\n", "f:1:5: control character (byte 01)\na: b?\n    ^\n"},
      {"a: \xC3\xA9\xFF\n", "f:1:5: invalid UTF-8 (byte FF)\na: \xC3\xA9?\n    ^\n"},
      {"a: \xC2\x85\n", "f:1:4: control character (byte C2 85)\na: ?\n   ^\n"},
      {"\x25\xBF", "f:1:2: invalid UTF-8 (byte BF)\n%?\n ^\n"},
      {"a: !x 1\n", "f:1:4: YAML tags are not supported; quote a text that starts with !\na: !x 1\n   ^\n"},
      {"a: *x\n", "f:1:4: unknown alias \"*x\"; quote a text that starts with *\na: *x\n   ^\n"},
      {"a: &x [*x]\n",
       "f:1:8: unknown alias \"*x\"; quote a text that starts with *\na: &x [*x]\n       ^\n"},
      {"a: &x {b: 1}\nc: {<<: *x}\n", "f:2:5: merge keys (<<) are not supported\nc: {<<: *x}\n    ^\n"},
      {"? [a]\n: b\n", "f:1:3: a key must be a text\n? [a]\n  ^\n"},
      {"a: \"x\\0y\"\n", "f:1:4: a text must not contain the character NUL\na: \"x\\0y\"\n   ^\n"},
      {"a: x // y\n",
       "f:1:4: // starts no comment in YAML: write # instead, or quote the text\na: x // y\n   ^\n"},
      {"{\n // hi\n \"a\": 1}\n",
       "f:2:2: // starts no comment in YAML: write # instead, or quote the text\n // hi\n ^\n"},
      {"// hi\na: 1\n",
       "f:1:1: not valid YAML: invalid multiline plain key (comments start with # in YAML)\n// hi\n^\n"},
      {"a:\n\tb: 1\n",
       "f:2:1: not valid YAML: tab character may not be used as indentation (indent with spaces)\n b: "
       "*\n^\n"},
      {"{c: ${X}}\n",
       "f:1:6: not valid YAML: missing comma in flow mapping (quote it: \"${VAR}\")\n{c: ${X}}\n     ^\n"},
      {"l: [::1]:80\n",
       "f:1:9: not valid YAML: invalid value after mapping (quote the address)\nl: [::1]:80\n        ^\n"},
  };
  for (const auto& [text, expected] : cases) EXPECT_EQ(findings(text), expected) << text;
}

TEST(ConfigYaml, HoldsItsBounds) {
  YamlLimits limits;
  limits.bytes_max = 1024;
  EXPECT_EQ(findings(std::string(1025, '#'), limits).substr(0, 36), "f:1:1: the file is larger than 1KB\n#");
  const std::string deep = findings(repeated("[", 100'000));
  EXPECT_EQ(deep.substr(0, deep.find('\n')), "f:1:66: nested too deeply (more than 64 levels)");
  std::string bomb = "a0: &a0 [x, x, x, x, x, x, x, x, x, x]\n";
  for (int i = 1; i < 10; ++i) {
    const std::string before = "*a" + std::to_string(i - 1);
    bomb += "a" + std::to_string(i) + ": &a" + std::to_string(i) + " [" + repeated(before + ", ", 9) +
            before + "]\n";
  }
  EXPECT_NE(findings(bomb).find("the configuration has too many values"), std::string::npos);
  const std::string fat =
      "a: &a " + std::string(1'000'000, 'x') + "\nb: [" + repeated("*a, ", 100'000) + "]\n";
  EXPECT_NE(findings(fat).find("the configuration has too many values"), std::string::npos);
}

TEST(ConfigYaml, CutsLongLinesAroundThePlace) {
  const std::string text = "{a: " + std::string(300, 'x') + ", a: 1, b: " + std::string(300, 'y') + "}";
  const std::string expected = "f:1:307: duplicate key \"a\" (first on line 1)\n" + std::string(98, 'x') +
                               ", a: 1, b: " + std::string(51, 'y') + "\n" + std::string(100, ' ') + "^\n";
  EXPECT_EQ(findings(text), expected);
}

TEST(ConfigYaml, StopsCountingFindings) {
  std::string text = "a: 1\n";
  for (int i = 0; i < 150; ++i) text += "a: 1\n";
  Diagnostics diagnostics(text, "f");
  parse_yaml(text, {}, diagnostics);
  const auto found = diagnostics.take();
  ASSERT_EQ(found.size(), 100u);
  EXPECT_EQ(found.back().message, "duplicate key \"a\" (first on line 1) (and 50 more)");
}

TEST(ConfigYaml, BlanksJsonComments) {
  const std::pair<std::string, std::string> cases[] = {
      {"{} // x\n1", "{}     \n1"},
      {"/* a\n b */1", "    \n     1"},
      {"\"a//b\\\"/*\" //", "\"a//b\\\"/*\"   "},
      {"/* \xC3\xA9 */1", "       1"},
      {"/*/ 1", "/*/ 1"},
      {"/**/1", "    1"},
      {"1 /* open", "1 /* open"},
      {"a / b", "a / b"},
      {"\"open // not", "\"open // not"},
      {"\"\\", "\"\\"},
  };
  for (const auto& [text, expected] : cases) EXPECT_EQ(blank_json_comments(text), expected) << text;
}

TEST(ConfigSuggest, FindsTheNearestWord) {
  const std::string_view words[] = {"failure_threshold", "listen", "limits", "log", "names"};
  EXPECT_EQ(nearest("failure_treshold", words), "failure_threshold");
  EXPECT_EQ(nearest("lsiten", words), "listen");
  EXPECT_EQ(nearest("LISTEN", words), "listen");
  EXPECT_EQ(nearest("lgo", words), "log");
  EXPECT_EQ(nearest("zebra", words), "");
  EXPECT_EQ(nearest("", words), "");
  EXPECT_EQ(nearest(std::string(100, 'l'), words), "");
  EXPECT_EQ(did_you_mean("nmaes", words), " (did you mean \"names\"?)");
  EXPECT_EQ(did_you_mean("zebra", words), "");
}

}  // namespace
}  // namespace weir
