#include "gateway/catalogue.h"

#include <gtest/gtest.h>

#include "gateway/sessions.h"

namespace weir {
namespace {

using Seen = std::vector<std::array<std::shared_ptr<const Identities>, kListKinds>>;

std::shared_ptr<const Identities> list(Identities identities) {
  return std::make_shared<const Identities>(std::move(identities));
}

Catalogue two(bool prefixed) {
  NameRules rules;
  rules.prefixed = prefixed;
  Seen seen(2);
  seen[0] = {list({"same", "one"}), list({"file:///a", "file:///b"}), list({"db://{table}/{row}"}), nullptr};
  seen[1] = {list({"same", "two"}), list({"file:///b", "file:///c"}), list({"web://{+path}"}), nullptr};
  return Catalogue(rules, {"a", "b"}, std::move(seen));
}

TEST(Catalogue, NamesLeadToTheirServer) {
  const Catalogue catalogue = two(true);
  const auto place = [&](std::string_view name) {
    const Place* found = catalogue.find(ListKind::tools, name);
    return found == nullptr ? std::string("none") : std::to_string(found->server) + found->original;
  };
  EXPECT_EQ(place("a__same"), "0same");
  EXPECT_EQ(place("b__same"), "1same");
  EXPECT_EQ(place("two"), "1two");
  EXPECT_EQ(place("same"), "none");
  EXPECT_EQ(place("a__two"), "none");
  EXPECT_TRUE(catalogue.has(ListKind::tools, 1, "two"));
  EXPECT_FALSE(catalogue.has(ListKind::tools, 0, "two"));
  EXPECT_EQ(catalogue.count(ListKind::tools, 0), 2);
  EXPECT_EQ(catalogue.count(ListKind::prompts, 0), -1);
}

TEST(Catalogue, TheFirstServerKeepsAUri) {
  const Catalogue catalogue = two(true);
  EXPECT_EQ(catalogue.exposed(ListKind::resources, 0, "file:///b"), "file:///b");
  EXPECT_EQ(catalogue.exposed(ListKind::resources, 1, "file:///b"), "weir://b/file:///b");
  EXPECT_EQ(catalogue.exposed(ListKind::resources, 1, "file:///c"), "file:///c");
  EXPECT_EQ(catalogue.find(ListKind::resources, "weir://b/file:///b")->server, 1U);
}

TEST(Catalogue, TemplatesMatch) {
  const Catalogue catalogue = two(true);
  EXPECT_EQ(catalogue.matching_templates("db://t/1"), std::vector<std::size_t>{0});
  EXPECT_EQ(catalogue.matching_templates("web://x/y/z"), std::vector<std::size_t>{1});
  EXPECT_TRUE(catalogue.matching_templates("db://t/1/2").empty());
  EXPECT_TRUE(template_matches("a{x}b", "aQQb"));
  EXPECT_FALSE(template_matches("a{x}b", "ab"));
  EXPECT_FALSE(template_matches("a{x", "ax"));
  EXPECT_TRUE(template_matches("a{/x*}", "a/b/c"));
}

TEST(Catalogue, WhatToolsWantMirrored) {
  Seen seen(2);
  ToolTable table;
  table.params["one"] = read_param_rules(R"({"properties":{"a":{"type":"string","x-mcp-header":"A"}}})");
  const Catalogue catalogue(NameRules(), {"a", "b"}, std::move(seen),
                            {nullptr, std::make_shared<const ToolTable>(table)});
  EXPECT_EQ(catalogue.params(0, "one"), nullptr);
  EXPECT_EQ(catalogue.params(1, "two"), nullptr);
  ASSERT_NE(catalogue.params(1, "one"), nullptr);
  EXPECT_EQ(catalogue.params(1, "one")->params.at(0).name, "A");
  EXPECT_EQ(two(true).params(1, "one"), nullptr);
}

TEST(Catalogue, WhichToolsMayBeCalledTwice) {
  ToolTable table;
  table.repeatable = {"one"};
  const Catalogue catalogue(NameRules(), {"a", "b"}, Seen(2),
                            {nullptr, std::make_shared<const ToolTable>(table)});
  EXPECT_TRUE(catalogue.repeatable(1, "one"));
  EXPECT_FALSE(catalogue.repeatable(1, "two"));
  EXPECT_FALSE(catalogue.repeatable(0, "one"));
}

TEST(Sessions, BelongToWhoOpenedThem) {
  Sessions::Options options;
  options.count_max = 2;
  Sessions sessions(options);
  const TimePoint now{};
  const auto draft = [] {
    auto session = std::make_shared<Session>();
    session->owner = "10.0.0.1";
    session->path = "/mcp";
    return session;
  };
  const std::string id = sessions.open(draft(), now)->id;
  EXPECT_GE(id.size(), 32U);
  EXPECT_TRUE(sessions.find(id, "10.0.0.1", "/mcp", now));
  EXPECT_FALSE(sessions.find(id, "10.0.0.2", "/mcp", now));
  EXPECT_FALSE(sessions.find(id, "10.0.0.1", "/mcp/a", now));
  EXPECT_FALSE(sessions.close(id, "10.0.0.2", "/mcp", now));
  EXPECT_TRUE(sessions.open(draft(), now));
  EXPECT_FALSE(sessions.open(draft(), now));
  // What rests for an hour makes room once it was swept.
  EXPECT_EQ(sessions.sweep(now + std::chrono::hours(2)).size(), 2U);
  EXPECT_TRUE(sessions.open(draft(), now + std::chrono::hours(2)));
  EXPECT_EQ(sessions.size(), 1U);
  EXPECT_FALSE(sessions.find(id, "10.0.0.1", "/mcp", now));
}

}  // namespace
}  // namespace weir
