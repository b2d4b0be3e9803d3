#include "mcp/param_headers.h"

#include <gtest/gtest.h>

#include <ctime>

#include "base/json.h"

namespace weir {
namespace {

// Rules as text: "Name=path.to:type ..." or the fault.
std::string rules_of(std::string_view schema) {
  const ParamRules rules = read_param_rules(schema);
  if (!rules.fault.empty()) {
    EXPECT_TRUE(rules.params.empty());
    EXPECT_TRUE(utf8_valid(rules.fault));
    return rules.fault;
  }
  std::string out;
  for (const ParamHeader& param : rules.params) {
    out += param.name + "=";
    for (const std::string& step : param.path) out += step + ".";
    out.back() = ':';
    out += param.type == ParamHeader::Type::string    ? "s "
           : param.type == ParamHeader::Type::integer ? "i "
                                                      : "b ";
  }
  return out;
}

TEST(ParamSchema, WhatIsAnnotated) {
  const struct {
    const char* schema;
    const char* rules;
  } table[] = {
      {R"({})", ""},
      {R"(true)", ""},
      {R"("x-mcp-header")", ""},
      {R"({"properties":{"a":{"type":"string","x-mcp-header":"A"}}})", "A=a:s "},
      {R"({"properties":{"a":{"x-mcp-header":"A","type":"integer"},"b":{"type":"boolean","x-mcp-header":"!#$%&'*+-.^_`|~9z"}}})",
       "A=a:i !#$%&'*+-.^_`|~9z=b:b "},
      {R"({"properties":{"a":{"properties":{"b":{"properties":{"c":{"type":"string","x-mcp-header":"C"}}}}}}})",
       "C=a.b.c:s "},
      // Names and values written with escapes.
      {R"({"\u0070roperties":{"\u00e4":{"typ\u0065":"\u0073tring","x-mcp-he\u0061der":"\u0041"}}})",
       "A=\xc3\xa4:s "},
      // Parameters that are called like keywords, and data that looks like an annotation.
      {R"({"properties":{"x-mcp-header":{"type":"string"},"properties":{"type":"string","x-mcp-header":"P"},"items":{"type":"string","x-mcp-header":"I"}}})",
       "P=properties:s I=items:s "},
      {R"({"$defs":{"x-mcp-header":{"type":"string"}},"patternProperties":{"x-mcp-header":{}}})", ""},
      {R"({"default":{"x-mcp-header":""},"properties":{"a":{"enum":[{"x-mcp-header":1}],"const":{"x-mcp-header":1},"examples":[{"x-mcp-header":""}]}}})",
       ""},
      {R"({"description":"x-mcp-header","required":["x-mcp-header"]})", ""},
  };
  for (const auto& row : table) EXPECT_EQ(rules_of(row.schema), row.rules) << row.schema;
}

TEST(ParamSchema, WhatMakesItInvalid) {
  const std::string good = R"({"type":"string","x-mcp-header":"A"})";
  const auto property = [](std::string_view schema) {
    return R"({"properties":{"a":)" + std::string(schema) + "}}";
  };
  std::vector<std::pair<std::string, std::string>> table = {
      {property(R"({"type":"string","x-mcp-header":""})"), "'a': it must not be empty"},
      {property(R"({"type":"string","x-mcp-header":7})"), "a string"},
      {property(R"({"type":"string","x-mcp-header":null})"), "a string"},
      {property(R"({"type":"string","x-mcp-header":"A B"})"), "token"},
      {property(R"({"type":"string","x-mcp-header":"A:"})"), "token"},
      {property(R"({"type":"string","x-mcp-header":"A\r\nB"})"), "token"},
      {property(R"({"type":"string","x-mcp-header":"A\u0000"})"), "token"},
      {property("{\"type\":\"string\",\"x-mcp-header\":\"\xc3\xa4\"}"), "token"},
      {property(R"({"type":"number","x-mcp-header":"A"})"), "'number'"},
      {property(R"({"type":"object","x-mcp-header":"A"})"), "'object'"},
      {property(R"({"type":"array","x-mcp-header":"A"})"), "'array'"},
      {property(R"({"type":"null","x-mcp-header":"A"})"), "'null'"},
      {property(R"({"type":["string","null"],"x-mcp-header":"A"})"), "none or several"},
      {property(R"({"x-mcp-header":"A"})"), "none or several"},
      {R"({"properties":{"a":)" + good + R"(,"b":{"type":"string","x-mcp-header":"a"}}})",
       "'a' is given twice"},
      {R"({"properties":{"a":)" + good + R"(,"b":{"properties":{"c":)" + good + "}}}}",
       "'b.c': 'A' is given twice"},
      {R"({"x-mcp-header":"A","type":"string"})", "chain"},
      // Where the fault lies deep, or beside something valid.
      {R"({"properties":{"a":)" + good +
           R"(,"b":{"items":{"properties":{"c":{"type":"string","x-mcp-header":"C"}}}}}})",
       "'b.c': it is allowed only"},
  };
  for (const char* keyword : {"items", "additionalProperties", "not", "if", "then", "else", "contains",
                              "propertyNames", "x-unknown"}) {
    table.emplace_back("{\"" + std::string(keyword) + "\":" + good + "}", "chain");
    table.emplace_back("{\"" + std::string(keyword) + "\":{\"properties\":{\"b\":" + good + "}}}", "chain");
    table.emplace_back(property("{\"" + std::string(keyword) + "\":{\"properties\":{\"b\":" + good + "}}}"),
                       "chain");
  }
  for (const char* keyword : {"oneOf", "anyOf", "allOf", "prefixItems", "items"})
    table.emplace_back("{\"" + std::string(keyword) + "\":[true,{\"properties\":{\"b\":" + good + "}}]}",
                       "chain");
  for (const char* keyword : {"$defs", "definitions", "patternProperties", "dependentSchemas"})
    table.emplace_back("{\"" + std::string(keyword) + "\":{\"b\":" + good + "}}", "chain");
  for (const auto& [schema, reason] : table)
    EXPECT_NE(rules_of(schema).find(reason), std::string::npos) << schema << ": " << rules_of(schema);
  // Whatever a server calls its things, the sentence stays short, and text.
  std::string wide;
  for (int i = 0; i < 1000; ++i) wide += "\xc3\xa4";
  EXPECT_LT(rules_of(R"({"properties":{")" + wide + R"(":{"type":"string","x-mcp-header":")" + wide + "\"}}}")
                .size(),
            300U);
}

const ParamRules& rules() {
  static const ParamRules made = read_param_rules(
      R"({"properties":{"s":{"type":"string","x-mcp-header":"S"},"i":{"type":"integer","x-mcp-header":"I"},
          "b":{"type":"boolean","x-mcp-header":"B"},
          "o":{"properties":{"x":{"type":"string","x-mcp-header":"Ox"},"p":{"properties":{"y":{"type":"string","x-mcp-header":"Opy"}}},
               "z":{"type":"string","x-mcp-header":"Oz"}}},
          "q":{"properties":{"x":{"type":"string","x-mcp-header":"Qx"}}}}})");
  return made;
}

TEST(ParamHeaders, MadeFromArguments) {
  EXPECT_EQ(rules().params.size(), 7U) << rules().fault;
  const struct {
    const char* arguments;
    const char* lines;
  } table[] = {
      {"", ""},
      {"null", ""},
      {"[1]", ""},
      {"{}", ""},
      {R"({"s":"us-west1","i":42,"b":true})",
       "Mcp-Param-S: us-west1\r\nMcp-Param-I: 42\r\nMcp-Param-B: true\r\n"},
      {R"({"s":null,"i":null,"o":null})", ""},
      {R"({"s":""})", "Mcp-Param-S: \r\n"},
      {R"({"s":"a\r\nEvil: 1"})", "Mcp-Param-S: =?base64?YQ0KRXZpbDogMQ==?=\r\n"},
      {R"({"i":-7.0,"b":false})", "Mcp-Param-I: -7\r\nMcp-Param-B: false\r\n"},
      {R"({"i":1e3})", "Mcp-Param-I: 1000\r\n"},
      {R"({"i":-0})", "Mcp-Param-I: 0\r\n"},
      {R"({"i":-9007199254740991})", "Mcp-Param-I: -9007199254740991\r\n"},
      {R"({"i":9007199254740992})", ""},
      {R"({"i":123456789012345678901})", ""},
      {R"({"i":1e999})", ""},
      {R"({"i":1.5})", "Mcp-Param-I: 1.5\r\n"},
      {R"({"i":"7"})", "Mcp-Param-I: 7\r\n"},
      {R"({"s":{"a":1},"i":[1]})", ""},
      {R"({"o":{"z":"3","p":{"y":"2","x":"no"},"x":"1"},"x":"no","q":{"x":"4"}})",
       "Mcp-Param-Ox: 1\r\nMcp-Param-Opy: 2\r\nMcp-Param-Oz: 3\r\nMcp-Param-Qx: 4\r\n"},
      {R"({"o":[{"x":"1"}],"q":"x"})", ""},
      {R"({"\u006f":{"\u0078":"1"}})", "Mcp-Param-Ox: 1\r\n"},
  };
  for (const auto& row : table) {
    std::string out;
    append_param_headers(out, rules(), row.arguments, "");
    EXPECT_EQ(out, row.lines) << row.arguments;
    EXPECT_EQ(check_param_headers(rules(), row.arguments, out), "") << row.arguments;
  }
}

TEST(ParamHeaders, TheClientsOwnPassUnlessKnown) {
  std::string out = "X: y\r\n";
  append_param_headers(
      out, rules(), R"({"s":"new"})",
      "mcp-param-s: old\r\nMCP-PARAM-I: 7\r\nMcp-Param-Si: kept: so\r\nmcp-param-other: \r\n");
  EXPECT_EQ(out, "X: y\r\nMcp-Param-S: new\r\nMcp-Param-Si: kept: so\r\nmcp-param-other: \r\n");
  EXPECT_EQ(check_param_headers(ParamRules(), R"({"s":1})", "Mcp-Param-S: 2\r\n"), "");
}

TEST(ParamHeaders, ComparedWithTheBody) {
  const struct {
    const char* arguments;
    const char* lines;
    bool good;
  } table[] = {
      {R"({"s":"a"})", "mcp-PARAM-s: a\r\n", true},
      {R"({"s":"a"})", "Mcp-Param-S: =?base64?YQ==?=\r\n", true},
      {R"({"s":"a"})", "Mcp-Param-S: =?base64?YQ=?=\r\n", false},
      {R"({"s":"a"})", "Mcp-Param-S: =?base64?YR==?=\r\n", false},
      {R"({"s":"=?base64?YQ=="})", "Mcp-Param-S: =?base64?YQ==\r\n", true},
      {R"({"s":"=?Base64?YQ==?="})", "Mcp-Param-S: =?Base64?YQ==?=\r\n", true},
      {R"({"s":"YQ==?="})", "Mcp-Param-S: YQ==?=\r\n", true},
      {R"({"s":"=?base64?="})", "Mcp-Param-S: =?base64?=\r\n", true},
      {R"({"s":""})", "Mcp-Param-S: =?base64?\?=\r\n", true},
      {"{\"s\":\"\xc3\xa4\"}", "Mcp-Param-S: \xc3\xa4\r\n", false},
      {"{\"s\":\"\x7f\"}", "Mcp-Param-S: \x7f\r\n", false},
      {R"({"s":"a"})", "", false},
      {R"({"s":"a"})", "Mcp-Param-I: a\r\n", false},
      {R"({"s":"a"})", "Mcp-Param-S: A\r\n", false},
      {R"({"s":null})", "Mcp-Param-S: null\r\n", false},
      {R"({})", "Mcp-Param-S: \r\n", false},
      {R"({"i":42})", "Mcp-Param-I: 42.0\r\n", true},
      {R"({"i":42})", "Mcp-Param-I: 042\r\n", true},
      {R"({"i":42})", "Mcp-Param-I: =?base64?NDI=?=\r\n", true},
      {R"({"i":42})", "Mcp-Param-I: +42\r\n", false},
      {R"({"i":42})", "Mcp-Param-I: 42e0\r\n", false},
      {R"({"i":42})", "Mcp-Param-I: .42e2\r\n", false},
      {R"({"i":42})", "Mcp-Param-I: inf\r\n", false},
      {R"({"i":42})", "Mcp-Param-I: -\r\n", false},
      {R"({"i":42})", "Mcp-Param-I: \r\n", false},
      {R"({"i":42})", "Mcp-Param-I: 42.1\r\n", false},
      {R"({"i":42.0})", "Mcp-Param-I: 42\r\n", true},
      {R"({"i":1.50})", "Mcp-Param-I: 1.5\r\n", true},
      {R"({"i":9007199254740993})", "", true},
      {R"({"i":9007199254740993})", "Mcp-Param-I: 9007199254740992\r\n", false},
      {R"({"b":true})", "Mcp-Param-B: true\r\n", true},
      {R"({"b":true})", "Mcp-Param-B: True\r\n", false},
      {R"({"b":true})", "Mcp-Param-B: 1\r\n", false},
      {R"({"s":[1]})", "", true},
      {R"({"s":[1]})", "Mcp-Param-S: [1]\r\n", false},
      {R"({"o":{"x":"1"}})", "Mcp-Param-Ox: 1\r\n", true},
      {R"({"o":{"x":"1"}})", "Mcp-Param-Qx: 1\r\n", false},
      {R"({"x":"1"})", "Mcp-Param-Ox: 1\r\n", false},
  };
  for (const auto& row : table)
    EXPECT_EQ(check_param_headers(rules(), row.arguments, row.lines).empty(), row.good)
        << row.arguments << row.lines;
}

// CPU time of this thread, in nanoseconds.
std::clock_t thread_ticks() {
  timespec at{};
  clock_gettime(CLOCK_THREAD_CPUTIME_ID, &at);
  return at.tv_sec * 1'000'000'000L + at.tv_nsec;
}

// A schema of so many parameters.
std::string schema_of(int count) {
  std::string schema = R"({"properties":{)";
  for (int i = 0; i < count; ++i)
    schema += (i == 0 ? "\"p" : ",\"p") + std::to_string(i) + R"(":{"type":"string","x-mcp-header":"P)" +
              std::to_string(i) + "\"}";
  return schema + "}}";
}

// However many parameters lie in an object, it is walked once: arguments may be megabytes. Compared by this
// thread's own time, which others on the machine do not change; walked for each, it would be a thousand times
// as much.
TEST(ParamHeaders, LargeArgumentsAreWalkedOnce) {
  std::string arguments = R"({"p0":"a","text":")";
  for (int i = 0; i < 200'000; ++i) arguments += "\\n";
  arguments += "\"}";
  const auto ticks_for = [&](int parameters) {
    const auto rules = read_param_rules(schema_of(parameters));
    const std::clock_t begun = thread_ticks();
    std::string out;
    for (int i = 0; i < 5; ++i) {
      out.clear();
      append_param_headers(out, rules, arguments, "");
    }
    EXPECT_EQ(out, "Mcp-Param-P0: a\r\n");
    return thread_ticks() - begun;
  };
  const std::clock_t one = ticks_for(1);
  EXPECT_LT(ticks_for(1000), 50 * one + 50'000'000);
}

}  // namespace
}  // namespace weir
