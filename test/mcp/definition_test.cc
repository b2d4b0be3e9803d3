#include "mcp/definition.h"

#include <gtest/gtest.h>

namespace weir {
namespace {

std::string fault(std::string_view raw, ListKind kind = ListKind::tools) {
  RawMembers members;
  return read_definition(raw, kind, members);
}

TEST(Definition, WhatClientsCanRead) {
  EXPECT_EQ(fault(R"({"name":"a","inputSchema":{}})"), "");
  EXPECT_EQ(fault(R"({"inputSchema":{},"name":"a","description":"b","icons":[],"annotations":{},"x":null})"),
            "");
  EXPECT_EQ(fault(R"({"name":"größe","inputSchema":{}})"), "");
  EXPECT_EQ(fault(R"({"name":"размер","inputSchema":{}})"), "");
  EXPECT_EQ(fault(R"({"name":"工具_1","inputSchema":{}})"), "");
  EXPECT_EQ(fault(R"({"uri":"x://a","name":"a"})", ListKind::resources), "");
  EXPECT_EQ(fault(R"({"name":"a"})", ListKind::prompts), "");
}

TEST(Definition, WhatTheyCanNot) {
  for (const char* bad : {"7",
                          "[]",
                          "{}",
                          R"({"name":"","inputSchema":{}})",
                          R"({"name":7,"inputSchema":{}})",
                          R"({"name":"a"})",
                          R"({"name":"a","inputSchema":null})",
                          R"({"name":"a","inputSchema":{},"description":7})",
                          R"({"name":"a","inputSchema":{},"annotations":[]})",
                          R"({"name":"a","inputSchema":{},"icons":{}})",
                          R"({"name":"a","inputSchema":{},"_meta":null})",
                          R"({"name":"a","name":"b","inputSchema":{}})",
                          R"({"name":"a","n\u0061me":"b","inputSchema":{}})",
                          R"({"name":"\ud800","inputSchema":{}})",
                          R"({"name":"a\u0000","inputSchema":{}})",
                          R"({"name":"a\n","inputSchema":{}})",
                          R"({"name":"a\u001b[2J","inputSchema":{}})",
                          R"({"name":"a\u0085","inputSchema":{}})",
                          R"({"name":"a\u200b","inputSchema":{}})",
                          R"({"name":"a\u202eb","inputSchema":{}})",
                          R"({"name":"a\u2028","inputSchema":{}})",
                          R"({"name":"\udb40\udc41","inputSchema":{}})",
                          R"({"name":"p\u0430y","inputSchema":{}})",
                          R"({"name":"\u03bfmega_o","inputSchema":{}})",
                          R"({"name":"\uff45cho","inputSchema":{}})",
                          R"({"name":"\ud835\udc1acho","inputSchema":{}})",
                          R"({"name":"\ufffd","inputSchema":{}})"})
    EXPECT_NE(fault(bad), "") << bad;
  EXPECT_NE(fault(R"({"uri":"x://a"})", ListKind::resources), "");
  EXPECT_NE(fault(R"({"name":"a"})", ListKind::resources), "");
}

}  // namespace
}  // namespace weir
