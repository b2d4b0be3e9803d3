// Pins: what counts as the same definition, what is approved by whom, and the file.
#include "gateway/pins.h"

#include <fcntl.h>
#include <gtest/gtest.h>
#include <sys/resource.h>
#include <sys/stat.h>

#include <csignal>
#include <filesystem>
#include <fstream>
#include <sstream>

#include "base/json_canonical.h"
#include "call/call.h"
#include "gateway/pin_book.h"
#include "gateway/pin_text.h"

namespace weir {
namespace {

namespace fs = std::filesystem;
using Kind = PinNews::Kind;

std::string tool(const std::string& name, const std::string& description, const std::string& more = {}) {
  return R"({"name":")" + name + R"(","description":")" + description +
         R"(","inputSchema":{"type":"object","properties":{"a":{"type":"string"}}})" + more + "}";
}

ToolDefinition definition(const std::string& name, const std::string& description,
                          const std::string& more = {}) {
  return define_tool(name, tool(name, description, more));
}

struct Heard {
  std::vector<PinNews> news;
  int saves = 0;
  int shown = 0;
  Pins::Told told() {
    Pins::Told out;
    out.news = [this](const PinNews& one) { news.push_back(one); };
    out.to_save = [this] { ++saves; };
    out.shown = [this] { ++shown; };
    return out;
  }
  // "changed a, new b", and forgets them.
  std::string take() {
    std::string out;
    constexpr const char* kWords[] = {"adopted", "changed", "new", "restored", "more", "approved", "trouble"};
    for (const PinNews& one : news) {
      out += (out.empty() ? "" : ", ") + std::string(kWords[static_cast<std::size_t>(one.kind)]);
      if (!one.tool.empty()) out += ' ' + one.tool;
    }
    news.clear();
    return out;
  }
};

struct Server {
  Heard heard;
  Pins pins{"s", heard.told()};
  std::vector<std::uint32_t> there = {1};
  PinLook look;
  Server() { look.endpoint = 1; }
  // "approved,new": how each stands.
  std::string list(const std::vector<ToolDefinition>& all, std::uint32_t endpoint = 1) {
    look.endpoint = endpoint;
    std::string out;
    for (const PinState state : pins.note(all, look, there))
      out.append(out.empty() ? "" : ",").append(to_string(state));
    return out;
  }
  bool approve() { return pins.take(pins.propose("now")); }
};

TEST(ToolPin, WhatAModelReadsOrAClientActsOnCounts) {
  const ToolDefinition base = definition("t", "d");
  EXPECT_EQ(define_tool("t", R"( {"inputSchema":{"properties":{"a":{"type":"string"}},"type":"object"},)"
                             R"("description":"\u0064", "name":"t"})")
                .digest,
            base.digest);
  for (const std::string& more :
       {std::string(R"(,"title":"x")"), std::string(R"(,"annotations":{"readOnlyHint":true})"),
        std::string(R"(,"outputSchema":{})"), std::string(R"(,"icons":[])"), std::string(R"(,"_meta":{})"),
        std::string(R"(,"x-own":1)")})
    EXPECT_NE(definition("t", "d", more).digest, base.digest) << more;
  EXPECT_NE(definition("t", "e").digest, base.digest);
  EXPECT_NE(define_tool("t", R"({"name":"t","description":"d","inputSchema":{"type":"object","properties":)"
                             R"({"a":{"type":"number"}}}})")
                .digest,
            base.digest);
}

TEST(ToolPin, TheHashIsThatOfTheCanonicalText) {
  const ToolDefinition one = define_tool("t", R"({ "name": "t", "inputSchema": {"type": "object"} })");
  EXPECT_EQ(one.canonical, R"({"inputSchema":{"type":"object"},"name":"t"})");
  // printf '%s' TEXT | sha256sum
  EXPECT_EQ(hex(one.digest, 32), hex(sha256(one.canonical), 32));
}

TEST(ToolPin, OfOneNameFewAreHeldAgainstWhatWasApproved) {
  std::vector<ToolDefinition> all;
  for (int i = 0; i < 6; ++i) all.push_back(definition("t", std::to_string(i)));
  all.push_back(definition("u", "0"));
  bound_definitions(all);
  for (std::size_t i = 0; i < all.size(); ++i)
    EXPECT_EQ(all[i].fault, i == 4 || i == 5 ? "its server lists more than 4 tools of this name" : "") << i;
}

TEST(Pins, WhatHasChangedIsToldBeforeWhatIsNew) {
  Server server;
  server.list({definition("z", "as it was")});
  server.heard.take();
  std::vector<ToolDefinition> all;
  for (int i = 0; i < 50; ++i) all.push_back(definition("a" + std::to_string(i), "new"));
  all.push_back(definition("z", "other"));
  server.list(all);
  EXPECT_EQ(server.heard.take().substr(0, 10), "changed z,");
}

TEST(Pins, JunkThatWasToldOfKeepsNothingFromBeingTold) {
  Server server;
  const ToolDefinition was = definition("z", "as it was");
  server.list({was});
  const auto junk = [&](const std::string& how, const ToolDefinition& last) {
    std::vector<ToolDefinition> all;
    for (int i = 0; i < 9'999; ++i) all.push_back(definition("a" + std::to_string(i), how));
    all.push_back(last);
    return all;
  };
  server.list(junk("one", was));
  server.list(junk("two", was));
  server.heard.take();
  server.list({definition("z", "other"), definition("b", "new")});
  EXPECT_EQ(server.heard.take(), "changed z, new b");
}

TEST(ToolPin, WhatCannotBeReadInOneWayIsNeverApproved) {
  const ToolDefinition twice = define_tool("t", R"({"name":"t","description":"a","description":"b"})");
  EXPECT_EQ(twice.fault, "its definition names a member twice");
  EXPECT_TRUE(twice.canonical.empty());
  const ToolDefinition large = definition("t", std::string(kDefinitionMax, 'x'));
  EXPECT_EQ(large.fault, "its definition is longer than 256KB");
  std::vector<ToolDefinition> many;
  for (int i = 0; i < 40; ++i) many.push_back(definition(std::to_string(i), std::string(250'000, 'x')));
  bound_definitions(many);
  EXPECT_TRUE(many.front().fault.empty());
  EXPECT_FALSE(many.back().fault.empty());
  EXPECT_TRUE(many.back().canonical.empty());
}

TEST(ToolPin, AnOldRevisionMayLackWhatItHasNoWordsFor) {
  const std::vector<ToolDefinition> full = {
      definition("t", "d", R"(,"annotations":{"readOnlyHint":true},"execution":{},"title":"T")")};
  std::vector<PinnedDefinition> pins = {{full[0].digest, full[0].canonical, "now"}};
  const ToolDefinition bare = definition("t", "d");
  EXPECT_NE(matching_pin(pins, bare, Revision::v2024_11_05), nullptr);
  EXPECT_EQ(matching_pin(pins, bare, Revision::v2025_03_26), nullptr) << "it knows annotations";
  EXPECT_EQ(matching_pin(pins, definition("t", "e"), Revision::v2024_11_05), nullptr)
      << "another description";
  EXPECT_EQ(matching_pin(pins, definition("t", "d", R"(,"title":"U")"), Revision::v2024_11_05), nullptr);
  const ToolDefinition now = definition("t", "d", R"(,"annotations":{"readOnlyHint":true},"title":"T")");
  EXPECT_NE(matching_pin(pins, now, Revision::v2026_07_28), nullptr) << "no execution in this revision";
  EXPECT_EQ(matching_pin(pins, now, Revision::v2025_11_25), nullptr);
}

TEST(Pins, TheFirstWholeListIsApproved) {
  Server s;
  EXPECT_TRUE(s.pins.unset());
  EXPECT_EQ(s.list({}), "");
  EXPECT_TRUE(s.pins.unset()) << "an empty list approves nothing";
  s.look.own = false;
  EXPECT_EQ(s.list({definition("x", "for one client")}), "new");
  s.look.own = true;
  s.look.whole = false;
  EXPECT_EQ(s.list({definition("x", "a part")}), "new");
  EXPECT_TRUE(s.pins.unset());
  s.look.whole = true;
  s.heard.take();
  EXPECT_EQ(s.list({definition("a", "A"), definition("b", "B")}), "approved,approved");
  EXPECT_EQ(s.heard.saves, 1);
  EXPECT_EQ(s.heard.take(), "adopted");
}

TEST(Pins, ChangedAndNewAreToldOnce) {
  Server s;
  s.list({definition("a", "A"), definition("b", "B")});
  s.heard.take();
  const std::vector<ToolDefinition> later = {definition("a", "other"), definition("b", "B"),
                                             definition("c", "C")};
  EXPECT_EQ(s.list(later), "changed,approved,new");
  EXPECT_EQ(s.heard.news[0].text, "description");
  EXPECT_EQ(s.heard.take(), "changed a, new c");
  EXPECT_EQ(s.list(later), "changed,approved,new");
  EXPECT_EQ(s.heard.take(), "");
  EXPECT_FALSE(s.pins.allows("a"));
  EXPECT_TRUE(s.pins.allows("b"));
  EXPECT_FALSE(s.pins.allows("c"));
  EXPECT_FALSE(s.pins.allows("never"));
  EXPECT_EQ(s.list({definition("a", "A"), definition("b", "B")}), "approved,approved");
  EXPECT_EQ(s.heard.take(), "restored a");
  EXPECT_TRUE(s.pins.allows("a"));
  s.list(later);
  EXPECT_EQ(s.heard.take(), "") << "a server that goes to and fro writes no log";
}

TEST(Pins, ARemovedToolKeepsItsPin) {
  Server s;
  s.list({definition("a", "A"), definition("b", "B")});
  EXPECT_EQ(s.list({definition("b", "B")}), "approved");
  EXPECT_EQ(s.list({definition("a", "evil"), definition("b", "B")}), "changed,approved");
  EXPECT_EQ(s.list({definition("a", "A"), definition("b", "B")}), "approved,approved");
}

TEST(Pins, EachEndpointHasToServeWhatWasApproved) {
  Server s;
  s.there = {1, 2};
  s.list({definition("a", "A")}, 1);
  EXPECT_EQ(s.list({definition("a", "other")}, 2), "changed");
  EXPECT_FALSE(s.pins.allows("a"));
  EXPECT_EQ(s.list({definition("a", "A")}, 1), "changed") << "shown is what may be called";
  std::uint64_t pinned = 0;
  EXPECT_EQ(s.pins.approved(pinned).at("a").front().digest, definition("a", "A").digest)
      << "no pin is flipped";
  EXPECT_FALSE(s.pins.allows("a")) << "a call may go to the other one";
  s.there = {1};
  s.list({definition("a", "A")}, 1);
  EXPECT_TRUE(s.pins.allows("a")) << "it is gone";
  s.there = {1, 3};
  s.list({definition("a", "other")}, 3);
  ASSERT_TRUE(s.approve());
  EXPECT_TRUE(s.pins.allows("a")) << "both were approved";
  EXPECT_EQ(s.list({definition("a", "A")}, 1), "approved");
  s.there = {3};
  s.list({definition("a", "third")}, 3);
  ASSERT_TRUE(s.approve());
  std::uint64_t version = 0;
  EXPECT_EQ(s.pins.approved(version).at("a").size(), 1U) << "what nobody lists goes";
}

TEST(Pins, ApprovingTellsWhatItDoes) {
  Server s;
  s.list({definition("a", "A"), definition("b", "B")});
  s.list(
      {definition("a", "A2\\nmore"), definition("c", "C"), define_tool("d", R"({"name":"d","x":1,"x":2})")});
  const PinProposal proposal = s.pins.propose("now");
  ASSERT_EQ(proposal.changes.size(), 3U);
  EXPECT_EQ(proposal.changes[0].tool, "a");
  EXPECT_EQ(proposal.changes[0].before, "A");
  EXPECT_EQ(proposal.changes[0].after, "A2");
  ASSERT_EQ(proposal.changes[0].differs.size(), 1U);
  EXPECT_EQ(proposal.changes[0].differs[0].name, "description");
  EXPECT_EQ(proposal.changes[1].state, PinState::fresh);
  EXPECT_EQ(proposal.changes[2].fault, "its definition names a member twice");
  EXPECT_FALSE(s.pins.allows("a")) << "a proposal changes nothing";
  EXPECT_TRUE(s.approve());
  EXPECT_TRUE(s.pins.allows("a"));
  EXPECT_TRUE(s.pins.allows("c"));
  EXPECT_FALSE(s.pins.allows("d"));
  EXPECT_FALSE(s.pins.propose("now").anything);
  EXPECT_EQ(s.list({definition("b", "B")}), "approved") << "a removed one stays approved";
}

TEST(Pins, WhatIsFromBeforeIsNotTrusted) {
  Server s;
  EXPECT_FALSE(s.pins.allows("a"));
  s.list({definition("a", "A")});
  EXPECT_TRUE(s.pins.allows("a"));
  s.pins.set_stale();
  EXPECT_FALSE(s.pins.allows("a"));
  EXPECT_FALSE(s.pins.view()->looked);
  s.list({definition("a", "A")});
  EXPECT_TRUE(s.pins.allows("a"));
}

TEST(Pins, APartOfAListFillsNoMemory) {
  Server s;
  s.list({definition("a", "A")});
  s.look.whole = false;
  for (int i = 0; i < 100; ++i) EXPECT_EQ(s.list({definition("p" + std::to_string(i), "x")}), "new");
  EXPECT_EQ(s.pins.view()->tools.size(), 1U);
  EXPECT_EQ(s.list({definition("a", "other")}), "changed");
  EXPECT_FALSE(s.pins.allows("a")) << "what is known by name is noted";
}

TEST(Pins, ManyChangesAreAFewLines) {
  Server s;
  std::vector<ToolDefinition> first, second;
  for (int i = 0; i < 500; ++i) {
    first.push_back(definition("t" + std::to_string(i), "d"));
    second.push_back(definition("t" + std::to_string(i), "e"));
  }
  s.list(first);
  s.heard.take();
  s.list(second);
  EXPECT_EQ(s.heard.news.size(), 21U);
  EXPECT_EQ(s.heard.news.back().kind, Kind::more);
  EXPECT_EQ(s.heard.news.back().count, 480U);
}

TEST(PinText, WhatIsWrittenIsReadAgain) {
  PinnedTools tools;
  for (const ToolDefinition& one :
       {definition("b\\u202e", "hidden \xE2\x80\xAE text\\n2"), definition("a", "A"), definition("a", "A2")})
    tools[json_unescape(one.tool)].push_back({one.digest, one.canonical, "2026-01-01T00:00:00.000Z"});
  // The name is what the definition says.
  tools.erase("b\xE2\x80\xAE");
  const ToolDefinition odd =
      define_tool("b\xE2\x80\xAE", "{\"name\":\"b\xE2\x80\xAE\",\"description\":\"\xE2\x80\x8B\"}");
  tools[odd.tool].push_back({odd.digest, odd.canonical, "x"});
  const std::string text = write_pins("se\"rver", tools);
  EXPECT_EQ(text.find("\xE2\x80"), std::string::npos) << "what nobody sees is escaped";
  EXPECT_NE(text.find("        \"description\": \"A2\",\n"), std::string::npos) << text;
  PinnedTools again;
  std::string fault;
  ASSERT_TRUE(read_pins(text, "se\"rver", again, fault)) << fault;
  EXPECT_EQ(write_pins("se\"rver", again), text);
  EXPECT_EQ(again.size(), 2U);
  EXPECT_EQ(again.at("a").size(), 2U);
  std::string layout;
  EXPECT_EQ(json_canonical(layout, text, 1 << 20), JsonFault::none) << "one JSON document";
  PinnedTools empty;
  ASSERT_TRUE(read_pins(write_pins("s", {}), "s", empty, fault)) << fault;
}

TEST(PinText, WhatIsNotAsItWasWrittenIsRefused) {
  const ToolDefinition one = definition("a", "A");
  PinnedTools tools;
  tools["a"].push_back({one.digest, one.canonical, "now"});
  const std::string good = write_pins("s", tools);
  const auto fault_of = [](const std::string& text, const std::string& server = "s") {
    PinnedTools read;
    std::string fault;
    return read_pins(text, server, read, fault) ? "none" : fault;
  };
  const auto replaced = [&](const std::string& what, const std::string& with) {
    std::string text = good;
    text.replace(text.find(what), what.size(), with);
    return fault_of(text);
  };
  EXPECT_EQ(fault_of(good), "none");
  EXPECT_EQ(fault_of(" \n" + good), "none");
  EXPECT_EQ(fault_of(good, "t"), "is another server's");
  EXPECT_EQ(replaced("\"A\"", "\"B\""), "has a hash that is not its definition's, of the tool a");
  EXPECT_EQ(replaced("\"A\"", " \"\\u0041\""), "none") << "the form of the file does not count";
  EXPECT_EQ(replaced("\"a\": [", "\"b\": ["), "has the definition of another tool under the name b");
  EXPECT_EQ(replaced("\"weir_pins\": 1", "\"weir_pins\": 2"), "is of another format: 2");
  EXPECT_EQ(replaced("weir_pins", "pins"), "is no file of pins");
  EXPECT_EQ(replaced("\"definition\"", "\"d\""), "has a tool without a definition: a");
  EXPECT_EQ(fault_of(R"({"weir_pins":1,"server":"s","tools":{"a":[]}})"),
            "has a tool without definitions: a");
  EXPECT_EQ(fault_of(R"({"weir_pins":1,"server":"s","tools":{"a":[1]}})"),
            "has a tool without a definition: a");
  EXPECT_EQ(fault_of(R"({"weir_pins":1,"server":"s","tools":[]})"), "has no tools");
  for (std::size_t size = 0; size < good.size() - 1; ++size)
    EXPECT_NE(fault_of(good.substr(0, size)), "none") << size;
  // Two of a name: whoever reviews it may have seen the other one.
  EXPECT_TRUE(
      replaced("\"weir_pins\": 1", "\"weir_pins\": 1, \"weir_pins\": 1").starts_with("is no JSON object"));
}

class PinBookTest : public ::testing::Test {
 protected:
  PinBookTest() {
    std::string pattern = (fs::temp_directory_path() / "weir-pins-XXXXXX").string();
    folder_ = ::mkdtemp(pattern.data());
  }
  ~PinBookTest() override { fs::remove_all(folder_); }
  PinBook book() {
    PinBook::Told told;
    told.news = [this](const PinNews& news) { heard_.news.push_back(news); };
    PinBook out(std::move(told));
    out.open(folder_, WallTime());
    return out;
  }
  static ServerConfig server(ServerConfig::Pin pin = ServerConfig::Pin::enforce) {
    ServerConfig out;
    out.name = "s";
    out.pin = pin;
    return out;
  }
  static void list(Pins& pins, const std::vector<ToolDefinition>& all) {
    PinLook look;
    look.endpoint = 1;
    pins.note(all, look, {});
  }
  std::string text(const std::string& path) {
    std::stringstream out;
    out << std::ifstream(path).rdbuf();
    return out.str();
  }
  void write(const std::string& path, const std::string& content) { std::ofstream(path) << content; }
  std::string folder_;
  Heard heard_;
};

TEST_F(PinBookTest, PinsOutliveTheProcess) {
  {
    PinBook first = book();
    EXPECT_EQ(first.of(server(ServerConfig::Pin::off)), nullptr);
    const auto pins = first.of(server());
    EXPECT_TRUE(pins->enforced());
    first.save();
    EXPECT_FALSE(fs::exists(first.path_of("s"))) << "nothing was approved";
    list(*pins, {definition("a", "A")});
    first.save();
    struct stat facts {};
    ASSERT_EQ(::stat(first.path_of("s").c_str(), &facts), 0);
    EXPECT_EQ(facts.st_mode & 0777U, 0600U);
  }
  PinBook second = book();
  const auto pins = second.of(server(ServerConfig::Pin::warn));
  EXPECT_FALSE(pins->enforced());
  EXPECT_FALSE(pins->unset());
  list(*pins, {definition("a", "other")});
  EXPECT_FALSE(pins->allows("a"));
  const std::string before = text(second.path_of("s"));
  second.save();
  EXPECT_EQ(text(second.path_of("s")), before) << "a list approves nothing";
  ASSERT_EQ(second.take(*pins, pins->propose("later")), "");
  EXPECT_NE(text(second.path_of("s")), before);
  EXPECT_TRUE(pins->allows("a"));
  EXPECT_EQ(std::distance(fs::directory_iterator(folder_), fs::directory_iterator()), 1)
      << "nothing is left over";
}

TEST_F(PinBookTest, ABrokenFileApprovesNothingAndStays) {
  std::string path;
  {
    PinBook first = book();
    path = first.path_of("s");
    list(*first.of(server()), {definition("a", "A")});
    first.save();
  }
  const std::string good = text(path);
  write(path, good.substr(0, good.size() / 2));
  heard_.take();
  PinBook second = book();
  const auto pins = second.of(server());
  EXPECT_EQ(heard_.take(), "trouble");
  EXPECT_FALSE(pins->unset());
  list(*pins, {definition("a", "A")});
  EXPECT_FALSE(pins->allows("a"));
  EXPECT_EQ(heard_.take(), "") << "not for each tool";
  second.save();
  EXPECT_EQ(text(path), good.substr(0, good.size() / 2)) << "it is not written over";
  // Mended, and looked at again with the next configuration.
  write(path, good);
  EXPECT_EQ(second.of(server()), pins);
  list(*pins, {definition("a", "A")});
  EXPECT_TRUE(pins->allows("a"));
  // Broken again, and approved as it is.
  write(path, "{}");
  PinBook third = book();
  const auto again = third.of(server());
  list(*again, {definition("a", "A3")});
  ASSERT_EQ(third.take(*again, again->propose("now")), "");
  EXPECT_TRUE(again->allows("a"));
  EXPECT_NE(text(path).find("A3"), std::string::npos);
}

TEST_F(PinBookTest, WhatIsNoFileIsRefused) {
  PinBook first = book();
  const std::string path = first.path_of("s");
  fs::create_directory(path);
  EXPECT_FALSE(first.of(server())->unset());
  EXPECT_EQ(heard_.take(), "trouble");
  fs::remove(path);
  fs::create_symlink("/etc/passwd", path);
  PinBook second = book();
  EXPECT_FALSE(second.of(server())->unset());
  fs::remove(path);
  {
    std::ofstream large(path);
    large.seekp(static_cast<std::streamoff>(kPinTextMax));
    large << "}";
  }
  PinBook third = book();
  EXPECT_FALSE(third.of(server())->unset()) << "too large";
  fs::remove(path);
  EXPECT_TRUE(third.of(server())->unset()) << "taken away, it may begin anew";
}

TEST_F(PinBookTest, WhatCannotBeWrittenIsNotApproved) {
  PinBook first = book();
  const auto pins = first.of(server());
  list(*pins, {definition("a", "A")});
  first.save();
  const std::string before = text(first.path_of("s"));
  list(*pins, {definition("a", "other")});
  heard_.take();
  const rlimit none{0, RLIM_INFINITY};
  rlimit old{};
  ::getrlimit(RLIMIT_FSIZE, &old);
  const auto handler = ::signal(SIGXFSZ, SIG_IGN);
  ::setrlimit(RLIMIT_FSIZE, &none);
  const std::string fault = first.take(*pins, pins->propose("now"));
  PinBook second = book();
  ServerConfig other = server();
  other.name = "t";
  list(*second.of(other), {definition("a", "A")});
  heard_.take();
  second.save();
  second.save();
  EXPECT_EQ(heard_.take(), "trouble") << "once";
  ::setrlimit(RLIMIT_FSIZE, &old);
  EXPECT_FALSE(fs::exists(second.path_of("t")));
  second.save();
  EXPECT_TRUE(fs::exists(second.path_of("t"))) << "tried again";
  ::signal(SIGXFSZ, handler);
  EXPECT_NE(fault.find("cannot be written"), std::string::npos) << fault;
  EXPECT_FALSE(pins->allows("a"));
  EXPECT_EQ(text(first.path_of("s")), before);
}

TEST_F(PinBookTest, AnotherDirectoryKeepsWhatWasApproved) {
  PinBook first = book();
  const auto pins = first.of(server());
  list(*pins, {definition("a", "A")});
  first.save();
  first.open(folder_ + "/more", WallTime());
  fs::create_directory(folder_ + "/more");
  first.save();
  EXPECT_TRUE(fs::exists(first.path_of("s")));
  EXPECT_TRUE(first.of(server())->allows("a"));
}

}  // namespace
}  // namespace weir
