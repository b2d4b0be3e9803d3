#include "gateway/interests.h"

#include <gtest/gtest.h>

#include "gateway/client_links.h"
#include "gateway/event_text.h"

namespace weir {
namespace {

struct Table {
  std::vector<std::string> changes;
  Interests interests{[this](const std::string& server, const std::string& link, Interests::Change change) {
    changes.push_back(server + "/" + link + (change == Interests::Change::agreed ? " agreed" : ""));
  }};
  Table() { interests.set_servers({"a", "b"}); }
  static Hearer hearer(const std::string& id) {
    Hearer out;
    out.id = id;
    out.feed = std::make_shared<Feed>(Feed::Bounds());
    return out;
  }
  static Topic topic(const std::string& server, const std::string& uri, const std::string& link = {}) {
    Topic out;
    out.server = server;
    out.original = uri;
    out.link = link;
    return out;
  }
  std::set<std::string> wanted(const std::string& link = {}) const {
    return interests.wanted("a", link, Topic::Kind::resource);
  }
};

constexpr Topic::Kind kKind = Topic::Kind::resource;
using Set = std::set<std::string>;

TEST(Interests, WhoeverLeavesTakesItsOwnAlong) {
  Table table;
  const Hearer one = Table::hearer("1");
  const Hearer two = Table::hearer("2");
  EXPECT_TRUE(table.interests.add(one, "u", Table::topic("a", "u")));
  EXPECT_FALSE(table.interests.add(one, "u", Table::topic("a", "u"))) << "it has it";
  EXPECT_TRUE(table.interests.add(one, "weir://a/u", Table::topic("a", "u"))) << "by another name";
  EXPECT_TRUE(table.interests.add(two, "u", Table::topic("a", "u")));
  EXPECT_EQ(table.changes, std::vector<std::string>{"a/"}) << "told of the first alone";
  table.interests.forget("1");
  EXPECT_EQ(table.wanted(), Set{"u"});
  table.interests.forget("1");
  EXPECT_FALSE(table.interests.remove("1", kKind, "u"));
  EXPECT_EQ(table.changes.size(), 1U);
  EXPECT_TRUE(table.interests.remove("2", kKind, "u"));
  EXPECT_FALSE(table.interests.remove("2", kKind, "u"));
  EXPECT_EQ(table.wanted(), Set());
  EXPECT_EQ(table.changes.size(), 2U) << "told of the last";
  EXPECT_EQ(table.interests.size(), 0U);
}

TEST(Interests, WhatIsWantedOfOneServerTogetherHasBounds) {
  Table table;
  const Hearer one = Table::hearer("1");
  const std::string base(8000, 'z');
  const auto add = [&](int i, const std::string& server, const std::string& link = {}) {
    const std::string uri = base + std::to_string(i);
    return table.interests.add(one, server + link + uri, Table::topic(server, uri, link));
  };
  int taken = 0;
  while (add(taken, "a")) ++taken;
  EXPECT_EQ(taken, 130) << "a megabyte";
  EXPECT_TRUE(table.interests.add(Table::hearer("2"), base + "0", Table::topic("a", base + "0")))
      << "of what is asked for anyway";
  EXPECT_TRUE(add(0, "b"));
  EXPECT_TRUE(add(0, "a", "own"));
  EXPECT_FALSE(table.interests.add(one, std::string(9000, 'u'), Table::topic("b", "u"))) << "too long";
  table.interests.share("a");
  EXPECT_FALSE(add(taken, "a"));
  table.interests.forget("1");
  EXPECT_TRUE(add(taken, "a")) << "there is room again";
  table.interests.set_servers({"b"});
  table.interests.set_servers({"a", "b"});
  for (int i = 0; i < 130; ++i) EXPECT_TRUE(add(i, "a")) << i;
  EXPECT_FALSE(add(130, "a"));
}

TEST(Interests, OneClientFillsNoMoreThanItsShare) {
  Table table;
  const auto hearer = [](const std::string& id, const std::string& identity) {
    Hearer out = Table::hearer(id);
    out.identity = identity;
    return out;
  };
  const auto add = [&](const Hearer& who, int i, const std::string& link = {}) {
    const std::string uri = "u" + std::to_string(i);
    return table.interests.add(who, link + uri, Table::topic("a", uri, link));
  };
  const Hearer greedy = hearer("1", "greedy");
  const Hearer again = hearer("2", "greedy");
  const int half = Interests::kPerServerMax / 2;
  const int share = Interests::kPerServerMax / Interests::kShares;
  int taken = 0;
  while (add(greedy, taken)) ++taken;
  EXPECT_EQ(taken, half);
  EXPECT_FALSE(add(again, half)) << "whatever it calls itself";
  EXPECT_TRUE(add(again, 0)) << "what it has is counted once";
  const Hearer modest = hearer("3", "modest");
  for (int i = 0; i < share; ++i) EXPECT_TRUE(add(modest, half + i)) << i;
  EXPECT_FALSE(add(modest, half + share)) << "half is taken";
  EXPECT_FALSE(add(greedy, half)) << "though another wants it";
  EXPECT_TRUE(add(greedy, half, "own")) << "what is told in a session of its own is in no other's way";
  table.interests.forget("1");
  EXPECT_TRUE(add(again, half)) << "there is room again";
  table.interests.forget("3");
  table.interests.set_servers({"b"});
  table.interests.set_servers({"a", "b"});
  taken = 0;
  while (add(again, taken)) ++taken;
  EXPECT_EQ(taken, half) << "nothing was left behind";
}

TEST(Interests, OfSeveralWhoWantItThatOneIsNamedWhoRanksLowest) {
  Table table;
  table.interests.add(Table::hearer("1"), "u", Table::topic("a", "u"));
  table.interests.add(Table::hearer("2"), "u", Table::topic("a", "u"));
  table.interests.add(Table::hearer("1"), "v", Table::topic("a", "v"));
  const auto by = table.interests.wanted_by(
      "a", kKind, [](const std::string& hearer) { return hearer == "1" ? 7U : 3U; });
  EXPECT_EQ(by, (std::map<std::string, std::string>{{"u", "2"}, {"v", "1"}}));
}

TEST(Interests, AsWhomASessionIsOpenedIsKeptAsLongAsItIsWanted) {
  Table table;
  ClientView client;
  client.identity = "here";
  const std::string info = R"({"name":")" + std::string(60'000, 'n') + R"("})";
  const std::string other = R"({"name":")" + std::string(59'999, 'n') + R"(m"})";
  client.client_info = client.capabilities = info;
  const std::string key = ClientLinks::key_of(client);
  EXPECT_LT(key.size(), 200U);
  EXPECT_FALSE(ClientLinks::is_session(key));
  client.link_key = key;
  EXPECT_EQ(ClientLinks::key_of(client), key);
  const std::string who = ClientLinks::client_of(client);
  client.link_key = {};
  EXPECT_EQ(ClientLinks::client_of(client), who);
  client.capabilities = other;
  EXPECT_NE(ClientLinks::key_of(client), key);
  EXPECT_EQ(ClientLinks::client_of(client), who) << "whatever it declares";
  client.client_info = other;
  EXPECT_NE(ClientLinks::client_of(client), who);
  Hearer one = Table::hearer("1");
  one.introduced = std::make_shared<const Introduced>(ClientLinks::introduction_of(client), "here");
  EXPECT_TRUE(table.interests.add(one, "u", Table::topic("a", "u", key)));
  ASSERT_TRUE(table.interests.introduced("a", key));
  EXPECT_EQ(table.interests.introduced("a", key)->as.client_info, other);
  EXPECT_FALSE(table.interests.wants("a", key)) << "it is not agreed to";
  table.interests.agreed("1", kKind, "u");
  EXPECT_EQ(table.changes.back(), "a/" + key + " agreed");
  EXPECT_TRUE(table.interests.wants("a", key));
  table.interests.forget("1");
  EXPECT_FALSE(table.interests.introduced("a", key));
}

TEST(Interests, AServerThatGoesTakesItsOwnAlong) {
  Table table;
  const Hearer one = Table::hearer("1");
  table.interests.add(one, "u", Table::topic("a", "u"));
  table.interests.add(one, "v", Table::topic("b", "v"));
  table.interests.set_servers({"b"});
  EXPECT_EQ(table.wanted(), Set());
  EXPECT_FALSE(table.interests.find("1", kKind, "u"));
  EXPECT_FALSE(table.interests.add(one, "u", Table::topic("a", "u"))) << "no such server";
  table.interests.set_servers({"a", "b"});
  EXPECT_TRUE(table.interests.add(one, "u", Table::topic("a", "u"))) << "it begins anew";
  EXPECT_EQ(table.interests.size(), 2U);
}

TEST(Interests, InAClientsOwnSessionOnlyWhatWasAgreedIsAskedForAgain) {
  Table table;
  const Hearer one = Table::hearer("1");
  table.interests.add(one, "u", Table::topic("a", "u", "1"));
  EXPECT_EQ(table.wanted("1"), Set());
  EXPECT_TRUE(table.changes.empty()) << "its client asks itself";
  table.interests.agreed("1", kKind, "u");
  EXPECT_EQ(table.wanted("1"), Set{"u"});
  EXPECT_EQ(table.wanted(), Set());
  EXPECT_EQ(table.interests.links("a"), Set{"1"});
  table.interests.share("a");
  EXPECT_EQ(table.wanted(), Set{"u"}) << "now in the shared session";
  EXPECT_EQ(table.interests.links("a"), Set());
  EXPECT_EQ(table.interests.find("1", kKind, "u")->link, "");
  EXPECT_EQ(table.changes.back(), "a/");
}

TEST(Interests, EachIsToldUnderItsOwnName) {
  Table table;
  const Hearer session = Table::hearer("1");
  Hearer listener = Table::hearer("2");
  listener.raw_id = "7";
  table.interests.add(session, "weir://a/u", Table::topic("a", "u"));
  table.interests.add(listener, "u", Table::topic("a", "u"));
  table.interests.add(Table::hearer("3"), "v", Table::topic("a", "v"));
  const Hearer refused = Table::hearer("4");
  table.interests.add(refused, "u", Table::topic("a", "u"));
  const auto message = Message::index(
      Bytes::copy_of(
          R"({"jsonrpc":"2.0","method":"notifications/resources/updated","params":{"uri":"u","x":1.0}})"),
      JsonLimits(), Message::From::upstream);
  // What comes before the server has agreed is told once it has, and only the newest.
  table.interests.tell(Table::topic("a", "u"), *message);
  table.interests.tell(Table::topic("a", "u"), *message);
  table.interests.agreed("1", Topic::Kind::resource, "weir://a/u");
  table.interests.agreed("2", Topic::Kind::resource, "u");
  table.interests.tell(Table::topic("b", "u"), *message);
  EXPECT_EQ(session.feed->append(std::make_shared<const std::string>()), 2U) << "one came before this";
  EXPECT_EQ(listener.feed->append(std::make_shared<const std::string>()), 2U);
  EXPECT_EQ(refused.feed->append(std::make_shared<const std::string>()), 1U) << "nothing came before this";
  EXPECT_EQ(
      with_uri(*message, "weir://a/u"),
      R"({"jsonrpc":"2.0","method":"notifications/resources/updated","params":{"uri":"weir://a/u","x":1.0}})");
}

}  // namespace
}  // namespace weir
