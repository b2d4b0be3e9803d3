#include "base/json.h"

#include <gtest/gtest.h>

#include <memory>

namespace weir {
namespace {

// A copy without a byte to spare, so that a sanitizer sees any read past the end.
JsonFault fault_of(std::string_view text, bool unique = false, JsonLimits limits = {}) {
  const std::unique_ptr<char[]> exact(new char[text.size()]);
  std::copy(text.begin(), text.end(), exact.get());
  JsonCursor cursor(std::string_view(exact.get(), text.size()), limits, unique);
  cursor.take_value();
  cursor.finish();
  return cursor.fault();
}

std::string nested(std::size_t depth) { return std::string(depth, '[') + std::string(depth, ']'); }

TEST(Json, AcceptsWhatTheRfcAllows) {
  const std::string_view good[] = {"{}",
                                   "[]",
                                   " [ ] ",
                                   "null",
                                   "true",
                                   "false",
                                   "0",
                                   "-0",
                                   "1.0",
                                   "-1.5e+10",
                                   "1E9",
                                   "123456789012345678901234567890",
                                   R"("")",
                                   R"("a\"b\\\/\b\f\n\r\t\u00e9")",
                                   R"("\ud800")",
                                   "\"\xC3\xA9 \xE2\x82\xAC \xF0\x9F\x98\x80\"",
                                   "\"\x7F\"",
                                   R"({"a":1,"b":[1,2,{"c":null}],"d":{}})",
                                   "[[],{},[{}]]",
                                   "{\"a\" :\t[ 1 ,\r\n2 ] }",
                                   R"({"a":1,"a":2})",
                                   R"("0123456789abcdef0123456789abcdef\n0123456789abcdef")"};
  for (const auto text : good) EXPECT_EQ(fault_of(text), JsonFault::none) << text;
}

TEST(Json, RefusesWhatItDoesNot) {
  const std::string_view bad[] = {"",
                                  " ",
                                  "{",
                                  "}",
                                  "[",
                                  "]",
                                  "{]",
                                  "[}",
                                  "[1",
                                  "[1,",
                                  "[1,]",
                                  "[,1]",
                                  "[1 2]",
                                  "{,}",
                                  R"({"a"})",
                                  R"({"a":})",
                                  R"({"a":1,})",
                                  R"({"a":1 "b":2})",
                                  "{a:1}",
                                  "{1:2}",
                                  R"({"a":1}})",
                                  "{} {}",
                                  "tru",
                                  "truee",
                                  "nul",
                                  "True",
                                  "NaN",
                                  "Infinity",
                                  "-",
                                  "+1",
                                  "01",
                                  "1.",
                                  ".5",
                                  "1e",
                                  "1e+",
                                  "0x1",
                                  "- 1",
                                  "\"",
                                  R"("\x")",
                                  R"("\u12")",
                                  R"("\u12g4")",
                                  "\"a\nb\"",
                                  "\"a\x01\"",
                                  R"("\)",
                                  "'a'",
                                  "[1,,2]",
                                  "{\"a\":tru}",
                                  "/**/1",
                                  "\xEF\xBB\xBF{}",
                                  "[\"a\":1]"};
  for (const auto text : bad) EXPECT_EQ(fault_of(text), JsonFault::syntax) << text;
  EXPECT_EQ(fault_of(std::string_view("\"a\0b\"", 5)), JsonFault::syntax);
  EXPECT_EQ(fault_of(std::string_view("{}\0", 3)), JsonFault::syntax);
}

TEST(Json, RefusesInvalidUtf8InStrings) {
  const std::string_view bad[] = {"\x80",
                                  "\xC0\x80",
                                  "\xC1\xBF",
                                  "\xC3",
                                  "\xE0\x80\x80",
                                  "\xED\xA0\x80",
                                  "\xE2\x82",
                                  "\xF0\x80\x80\x80",
                                  "\xF4\x90\x80\x80",
                                  "\xF5\x80\x80\x80",
                                  "\xFF",
                                  "\xF0\x9F\x98"};
  for (const auto text : bad) {
    EXPECT_EQ(fault_of("\"" + std::string(text) + "\""), JsonFault::utf8) << text;
    EXPECT_EQ(fault_of("\"0123456789abcdef" + std::string(text) + "\""), JsonFault::utf8);
    EXPECT_FALSE(utf8_valid(text));
  }
  EXPECT_TRUE(utf8_valid("plain \xF4\x8F\xBF\xBF"));
}

TEST(Json, KeepsItsBounds) {
  EXPECT_EQ(fault_of(nested(128)), JsonFault::none);
  EXPECT_EQ(fault_of(nested(129)), JsonFault::depth);
  EXPECT_EQ(fault_of(nested(1000000)), JsonFault::depth);
  JsonLimits limits;
  limits.members_max = 3;
  EXPECT_EQ(fault_of("[1,2,3]", false, limits), JsonFault::none);
  EXPECT_EQ(fault_of("[1,2,3,4]", false, limits), JsonFault::members);
  EXPECT_EQ(fault_of(R"({"a":1,"b":{"c":2,"d":3}})", false, limits), JsonFault::members);
  // Depth counts what the caller has entered himself.
  limits = JsonLimits{2, 100};
  const std::string_view text = R"({"a":{"b":[1]}})";
  JsonCursor cursor(text, limits, false);
  std::string_view name;
  ASSERT_TRUE(cursor.enter_object() && cursor.next_member(name));
  EXPECT_TRUE(cursor.take_value().empty());
  EXPECT_EQ(cursor.fault(), JsonFault::depth);
}

TEST(Json, FindsRepeatedNamesAtEveryLevel) {
  const std::string_view repeated[] = {R"({"a":1,"a":2})", R"({"x":{"a":1,"b":2,"a":3}})",
                                       R"([{"a":1,"\u0061":2}])", R"({"a":{"b":1},"c":[{"d":1,"d":1}]})",
                                       R"({"a":1,"b":2,"c":3,"d":4,"e":5,"f":6,"g":7,"h":8,"i":9,"a":0})"};
  for (const auto text : repeated) EXPECT_EQ(fault_of(text, true), JsonFault::duplicate) << text;
  const std::string_view unique[] = {R"({"a":{"a":{"a":1}},"b":{"a":2}})", R"({"a":1,"A":2})",
                                     R"([{"a":1},{"a":1}])", R"({"a":[{"b":1}],"b":2})"};
  for (const auto text : unique) EXPECT_EQ(fault_of(text, true), JsonFault::none) << text;
}

TEST(Json, GivesRawSpans) {
  const std::string_view text = R"( {"a" : 1.10 , "b":[ 1, "x" ],"c":{"d":"\u00e9"} } )";
  JsonCursor cursor(text, JsonLimits{}, true);
  std::string seen;
  std::string_view name;
  ASSERT_TRUE(cursor.enter_object());
  while (cursor.next_member(name)) {
    seen += std::string(name) + "=";
    if (cursor.peek() == '[') {
      cursor.enter_array();
      while (cursor.next_element()) seen += "<" + std::string(cursor.take_value()) + ">";
    } else {
      seen += cursor.take_value();
    }
    seen += ";";
  }
  EXPECT_TRUE(cursor.finish());
  EXPECT_EQ(seen, R"(a=1.10;b=<1><"x">;c={"d":"\u00e9"};)");
}

TEST(Json, EscapesAndBack) {
  EXPECT_EQ(json_unescape(R"("a\n\u00e9\ud83d\ude00\/\\")"), "a\n\xC3\xA9\xF0\x9F\x98\x80/\\");
  EXPECT_EQ(json_unescape(R"(\ud800x)"), "\xEF\xBF\xBDx");
  EXPECT_EQ(json_unescape(R"(\ud800\u0041)"),
            "\xEF\xBF\xBD"
            "A");
  std::string out;
  json_append_string(out, "q\" s\\ n\n c\x01 d\x7F \xC3\xA9");
  EXPECT_EQ(out, "\"q\\\" s\\\\ n\\n c\\u0001 d\\u007f \xC3\xA9\"");
  EXPECT_EQ(json_unescape(out), "q\" s\\ n\n c\x01 d\x7F \xC3\xA9");
  EXPECT_TRUE(json_name_is(R"(m\u0065thod)", "method"));
  EXPECT_FALSE(json_name_is("Method", "method"));
}

TEST(Json, WalksAllPrefixesWithoutHarm) {
  const std::string text = R"({"a":[1,2.5e3,{"b":"\u00e9\n\"x"}],"c":true,"d":null})";
  ASSERT_EQ(fault_of(text, true), JsonFault::none);
  for (std::size_t size = 0; size < text.size(); ++size)
    EXPECT_EQ(fault_of(text.substr(0, size), true), JsonFault::syntax) << size;
}

}  // namespace
}  // namespace weir
