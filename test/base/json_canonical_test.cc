#include "base/json_canonical.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <vector>

#include "base/random.h"

namespace weir {
namespace {

std::string canonical(std::string_view raw) {
  std::string out;
  const JsonFault fault = json_canonical(out, raw, 1000);
  return fault == JsonFault::none ? out : "fault: " + std::string(to_string(fault));
}

std::string visible(std::string_view text) {
  std::string out;
  append_visible(out, text);
  return out;
}

TEST(JsonCanonical, TextsThatSayTheSameHaveOneForm) {
  const std::string form = R"({"":null,"a":{"b":[1,2],"c":true},"é":"ü"})";
  for (const std::string_view raw : {
           std::string_view(R"({"a":{"b":[1,2],"c":true},"":null,"é":"ü"})"),
           std::string_view(
               " {\n\"\\u00e9\" :\t\"\\u00FC\", \"a\":{ \"c\":true , \"b\":[ 1,2 ] },\"\":null }\r\n"),
           std::string_view(R"({"\u0061":{"b":[1,2],"\u0063":true},"é":"\u00fc","":null})"),
       })
    EXPECT_EQ(canonical(raw), form) << raw;
}

TEST(JsonCanonical, StringsHaveTheFewestEscapes) {
  EXPECT_EQ(canonical(R"("\/\u0041\"\\\b\f\n\r\t\u000b\u001F\u007f\ud83d\ude00")"),
            "\"/A\\\"\\\\\\b\\f\\n\\r\\t\\u000b\\u001f\x7f\xF0\x9F\x98\x80\"");
}

TEST(JsonCanonical, WhatDiffersStaysDifferent) {
  EXPECT_EQ(canonical("[1.0,1,1e0,-0]"), "[1.0,1,1e0,-0]");
  EXPECT_NE(canonical("[1,2]"), canonical("[2,1]"));
  EXPECT_NE(canonical(R"({"a":1})"), canonical(R"({"a":"1"})"));
  EXPECT_NE(canonical(R"({"a":null})"), canonical("{}"));
  EXPECT_NE(canonical(R"(["a b"])"), canonical(R"(["a  b"])"));
  EXPECT_EQ(canonical("{}"), "{}");
  EXPECT_EQ(canonical("[[],{}]"), "[[],{}]");
}

TEST(JsonCanonical, NamesAreOrderedByCodePoint) {
  // UTF-16 has it the other way round: U+1F600 is a pair of surrogates, which are below U+FF5E.
  EXPECT_EQ(canonical("{\"\xF0\x9F\x98\x80\":1,\"\xEF\xBD\x9E\":2,\"Z\":3,\"a\":4}"),
            "{\"Z\":3,\"a\":4,\"\xEF\xBD\x9E\":2,\"\xF0\x9F\x98\x80\":1}");
}

TEST(JsonCanonical, NamesThatComeTwiceHaveNoForm) {
  EXPECT_EQ(canonical(R"({"a":1,"a":1})"), "fault: " + std::string(to_string(JsonFault::duplicate)));
  EXPECT_EQ(canonical(R"([{"x":{"a":1,"b":2,"\u0061":3}}])"), canonical(R"({"a":1,"a":1})"));
  EXPECT_EQ(canonical(R"({"a":{"a":1}})"), R"({"a":{"a":1}})");
}

TEST(JsonCanonical, BoundsHold) {
  std::string out = "before";
  EXPECT_EQ(json_canonical(out, "[1,2]", 4), JsonFault::members);
  EXPECT_EQ(out, "before");
  EXPECT_EQ(json_canonical(out, "[1,2]", 5), JsonFault::none);
  EXPECT_EQ(out, "before[1,2]");
  EXPECT_EQ(canonical(std::string(129, '[') + std::string(129, ']')),
            "fault: " + std::string(to_string(JsonFault::depth)));
  for (const std::string_view bad : {"", "{", "{\"a\"}", "nul", "[1,]", "1 2", "\"\\x\"", "{'a':1}"})
    EXPECT_TRUE(canonical(bad).starts_with("fault: ")) << bad;
}

// The same document written in two ways, as chance has it.
struct Written {
  std::string plain;
  std::string other;
};
std::string blanks(Random& random) { return std::string(random.next() % 3, " \n\t\r"[random.next() % 4]); }

Written scalar(Random& random) {
  constexpr const char* kScalars[] = {"0", "-1.50e+3", "true", "null", "\"\"", "12345678901234567890"};
  if (random.next() % 2 == 0) {
    const std::string text = kScalars[random.next() % 6];
    return {text, text};
  }
  Written out{"\"", "\""};
  for (std::uint64_t i = random.next() % 6; i != 0; --i) {
    const char c = "abz/~"[random.next() % 5];
    constexpr char kHex[] = "0123456789aBcDeF";
    const auto byte = static_cast<unsigned char>(c);
    out.plain += c;
    if (random.next() % 2 == 0)
      out.other.append("\\u00").append(1, kHex[byte >> 4]).append(1, kHex[byte & 15]);
    else
      out.other.append(c == '/' ? "\\/" : std::string(1, c));
  }
  return {out.plain + '"', out.other + '"'};
}

Written document(Random& random, int depth) {
  if (depth == 0 || random.next() % 4 == 0) return scalar(random);
  const bool object = random.next() % 2 == 0;
  std::vector<Written> parts;
  for (std::uint64_t i = random.next() % 5; i != 0; --i) {
    Written part = document(random, depth - 1);
    // A number in the name keeps names apart.
    const std::string name = "\"n" + std::to_string(i) + "\":";
    if (object) part = {name + part.plain, name + blanks(random) + part.other};
    parts.push_back(std::move(part));
  }
  Written out{object ? "{" : "[", object ? "{" : "["};
  for (std::size_t i = 0; i < parts.size(); ++i) out.plain += (i == 0 ? "" : ",") + parts[i].plain;
  if (object)
    for (std::size_t i = parts.size(); i > 1; --i) std::swap(parts[i - 1], parts[random.next() % i]);
  for (std::size_t i = 0; i < parts.size(); ++i)
    out.other += blanks(random) + (i == 0 ? "" : ",") + blanks(random) + parts[i].other;
  return {out.plain + (object ? '}' : ']'), out.other + blanks(random) + (object ? '}' : ']')};
}

TEST(JsonCanonical, HoweverADocumentIsWrittenItsFormIsOneAndStays) {
  for (std::uint64_t seed = 1; seed <= 2000; ++seed) {
    Random random(seed);
    const Written both = document(random, 4);
    std::string one;
    std::string two;
    std::string again;
    ASSERT_EQ(json_canonical(one, both.plain, 1 << 20), JsonFault::none) << both.plain;
    ASSERT_EQ(json_canonical(two, both.other, 1 << 20), JsonFault::none) << both.other;
    ASSERT_EQ(one, two) << seed << ": " << both.other;
    ASSERT_EQ(json_canonical(again, one, 1 << 20), JsonFault::none);
    ASSERT_EQ(again, one) << seed;
  }
}

TEST(JsonVisible, WhatNobodySeesIsWritten) {
  EXPECT_EQ(visible("plain é 漢 \xF0\x9F\x98\x80"), "plain é 漢 \xF0\x9F\x98\x80");
  EXPECT_EQ(visible("a\xE2\x80\xAE"
                    "b\xE2\x80\x8B\xC2\x85\x1b[0m\x7f"),
            "a\\u202eb\\u200b\\u0085\\u001b[0m\\u007f");
  // "hi" in tags, as texts for models are smuggled.
  EXPECT_EQ(visible("\xF3\xA0\x81\xA8\xF3\xA0\x81\xA9"), "\\udb40\\udc68\\udb40\\udc69");
  EXPECT_EQ(visible(""), "");
  const std::string json = "{\"a\xE2\x80\x8B\":\"\xF3\xA0\x81\xA8\"}";
  EXPECT_EQ(canonical(visible(json)), canonical(json)) << "the same JSON";
}

}  // namespace
}  // namespace weir
