#include "gateway/last_good.h"

#include <fcntl.h>
#include <gtest/gtest.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <unistd.h>

#include <csignal>
#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <sstream>

#include "base/digest.h"
#include "base/random.h"
#include "gateway/last_good_files.h"
#include "gateway/memories.h"

namespace weir {
namespace {

namespace fs = std::filesystem;
using std::chrono::seconds;

const WallTime kNoon = WallTime(seconds(1'800'000'000));

ListPage page(ListKind kind, const std::string& entries, const std::string& more = {}) {
  const std::string text = R"({"jsonrpc":"2.0","id":1,"result":{")" + std::string(list_key(kind)) + "\":[" +
                           entries + "]" + more + "}}";
  auto message = Message::index(Bytes::copy_of(text), JsonLimits(), Message::From::upstream);
  return *read_list_page(std::move(*message), kind);
}

std::vector<ListPage> pages(ListKind kind, const std::vector<std::string>& texts) {
  std::vector<ListPage> out;
  for (const std::string& one : texts) out.push_back(page(kind, one));
  return out;
}

std::string names_of(const KeptList& list) {
  std::string out;
  if (!list) return "nothing";
  for (const ListEntry& entry : list.page->entries) out += (out.empty() ? "" : ",") + entry.identity;
  return out;
}

ServerFacts facts(const std::string& capabilities = R"({"tools":{},"resources":{}})") {
  ServerFacts out;
  out.revision = Revision::v2025_11_25;
  out.capabilities = capabilities;
  out.server_info = R"({"name":"s","version":"1.0"})";
  out.instructions = R"("be \"good\"")";
  return out;
}

struct Told {
  std::vector<std::string> what;
  LastGoodFiles::Trouble trouble() {
    return
        [this](const std::string& server, const std::string& text) { what.push_back(server + ": " + text); };
  }
};

// A folder of its own, gone with the test.
class StateDir : public ::testing::Test {
 protected:
  StateDir() {
    std::string name = (fs::temp_directory_path() / "weir-state-XXXXXX").string();
    root = ::mkdtemp(name.data());
    folder = root + "/state";
    EXPECT_EQ(state_dir_fault(folder), "");
  }
  ~StateDir() override {
    ::chmod(folder.c_str(), 0700);
    fs::remove_all(root);
  }
  std::string read(const std::string& path) {
    std::stringstream text;
    text << std::ifstream(path, std::ios::binary).rdbuf();
    return text.str();
  }
  void write(const std::string& path, const std::string& text) {
    std::ofstream(path, std::ios::binary | std::ios::trunc) << text;
  }
  std::size_t files() {
    return static_cast<std::size_t>(std::distance(fs::directory_iterator(folder), fs::directory_iterator()));
  }
  std::string root;
  std::string folder;
};

ServerConfig at(std::vector<std::string> urls) {
  ServerConfig server;
  server.name = "s";
  for (std::string& url : urls) {
    server.endpoints.emplace_back();
    server.endpoints.back().url = std::move(url);
  }
  return server;
}

LastGoodText content(const std::string& server, const std::string& tools) {
  LastGoodText out;
  out.server = server;
  out.marks = {"m"};
  LastGood last_good(std::make_shared<KeptBytes>(), {});
  last_good.note(facts(), kNoon);
  last_good.note(ListKind::tools, pages(ListKind::tools, {tools}), kNoon + seconds(5));
  out.kept = last_good.all();
  return out;
}

TEST(LastGood, KeepsTheNewestListWholeAndTellsChangesFromTime) {
  const auto bytes = std::make_shared<KeptBytes>();
  {
    LastGood last_good(bytes, {});
    EXPECT_FALSE(last_good.list(ListKind::tools));
    last_good.note(
        ListKind::tools,
        pages(ListKind::tools, {R"({"name":"a","inputSchema":{},"x":1.0},{"name":"b","inputSchema":{}})",
                                R"({"name":"c","inputSchema":{}})"}),
        kNoon);
    EXPECT_EQ(names_of(last_good.list(ListKind::tools)), "a,b,c");
    EXPECT_EQ(last_good.list(ListKind::tools).page->entries[0].raw,
              R"({"name":"a","inputSchema":{},"x":1.0})");
    const std::uint64_t changes = last_good.changes();
    // The same in other pages is the same, seen again.
    last_good.note(ListKind::tools,
                   pages(ListKind::tools, {R"({"name":"a","inputSchema":{},"x":1.0})",
                                           R"({"name":"b","inputSchema":{}},{"name":"c","inputSchema":{}})"}),
                   kNoon + seconds(9));
    EXPECT_EQ(last_good.changes(), changes);
    EXPECT_EQ(last_good.list(ListKind::tools).seen, kNoon + seconds(9));
    last_good.note(
        ListKind::tools,
        pages(ListKind::tools, {R"({"name":"a","inputSchema":{},"x":1.0},{"name":"b","inputSchema":{}})"}),
        kNoon);
    EXPECT_GT(last_good.changes(), changes);
    EXPECT_EQ(names_of(last_good.list(ListKind::tools)), "a,b");
    last_good.note(ListKind::tools, {}, kNoon);
    EXPECT_EQ(names_of(last_good.list(ListKind::tools)), "");
    EXPECT_TRUE(last_good.list(ListKind::tools));
    last_good.note(ListKind::prompts, pages(ListKind::prompts, {R"({"name":"p"})"}), kNoon);
    EXPECT_GT(bytes->used, 0U);
  }
  EXPECT_EQ(bytes->used, 0U);
}

TEST(LastGood, WithheldEntriesAreNotKept) {
  LastGood last_good(std::make_shared<KeptBytes>(), {});
  std::vector<ListPage> list =
      pages(ListKind::tools, {R"({"name":"a","inputSchema":{}},{"name":"hidden","inputSchema":{}})"});
  list[0].withheld.push_back(list[0].entries[1].raw);
  list[0].entries.pop_back();
  last_good.note(ListKind::tools, list, kNoon);
  EXPECT_EQ(names_of(last_good.list(ListKind::tools)), "a");
}

TEST(LastGood, WhatAServerSaidThatItHasNotIsKnown) {
  LastGood last_good(std::make_shared<KeptBytes>(), {});
  last_good.note(facts(), kNoon);
  EXPECT_FALSE(last_good.list(ListKind::tools));
  EXPECT_EQ(names_of(last_good.list(ListKind::prompts)), "");
  EXPECT_EQ(last_good.list(ListKind::prompts).seen, kNoon);
  EXPECT_EQ(last_good.facts().facts->instructions, R"("be \"good\"")");
}

TEST(LastGood, BoundsHoldForOneServerAndForAll) {
  const auto bytes = std::make_shared<KeptBytes>();
  bytes->server_max = 60;
  bytes->all_max = 100;
  std::vector<std::string> told;
  const auto tell = [&told](const std::string& what) { told.push_back(what); };
  const std::string thirty = R"({"name":"01","inputSchema":{}})";  // 30 bytes with its comma
  ASSERT_EQ(thirty.size(), 30U);
  LastGood a(bytes, tell);
  a.note(ListKind::tools, pages(ListKind::tools, {thirty}), kNoon);
  EXPECT_TRUE(a.list(ListKind::tools));
  EXPECT_EQ(bytes->used, 31U);
  a.note(ListKind::prompts, pages(ListKind::prompts, {thirty}), kNoon);
  EXPECT_FALSE(a.list(ListKind::prompts)) << "62 bytes of one server";
  EXPECT_TRUE(a.list(ListKind::tools));
  ASSERT_EQ(told.size(), 1U);
  EXPECT_NE(told[0].find("prompts"), std::string::npos);
  // What was there before it is not shown in its place.
  a.note(ListKind::tools, pages(ListKind::tools, {thirty + ',' + thirty}), kNoon);
  EXPECT_FALSE(a.list(ListKind::tools));
  EXPECT_EQ(bytes->used, 0U);
  EXPECT_EQ(told.size(), 1U) << "told once";
  a.note(ListKind::tools, pages(ListKind::tools, {thirty}), kNoon);
  LastGood b(bytes, tell);
  b.note(ListKind::tools, pages(ListKind::tools, {thirty}), kNoon);
  LastGood c(bytes, tell);
  c.note(ListKind::tools, pages(ListKind::tools, {thirty}), kNoon);
  EXPECT_TRUE(c.list(ListKind::tools));
  LastGood d(bytes, tell);
  d.note(ListKind::tools, pages(ListKind::tools, {thirty}), kNoon);
  EXPECT_FALSE(d.list(ListKind::tools)) << "124 bytes of all";
  EXPECT_EQ(bytes->used, 93U);
  KeptServer kept = c.all();
  LastGood e(bytes, tell);
  e.restore(std::move(kept));
  EXPECT_FALSE(e.list(ListKind::tools)) << "what is read is bounded, too";
}

TEST(LastGood, AgesAreShort) {
  EXPECT_EQ(age_text(kNoon, kNoon + seconds(12)), "12s");
  EXPECT_EQ(age_text(kNoon, kNoon - seconds(12)), "0s");
  EXPECT_EQ(age_text(kNoon, kNoon + seconds(119)), "1m");
  EXPECT_EQ(age_text(kNoon, kNoon + seconds(7200)), "2h");
  EXPECT_EQ(age_text(kNoon, kNoon + seconds(200'000)), "2d");
}

TEST(LastGoodText, ComesBackAsItWas) {
  LastGoodText before =
      content("s", R"({"name":"a","inputSchema":{"type":"object"},"x":1.10},{"name":"ü","inputSchema":{}})");
  before.kept.lists[1] = KeptList(page_of(ListKind::resources, R"({"uri":"x://1","name":"n"})", 1), kNoon);
  const std::string text = write_last_good(before);
  LastGoodText after;
  std::string fault;
  ASSERT_TRUE(read_last_good(text, after, fault)) << fault;
  EXPECT_EQ(after.server, "s");
  EXPECT_EQ(after.marks, before.marks);
  EXPECT_EQ(*after.kept.facts.facts, *before.kept.facts.facts);
  EXPECT_EQ(after.kept.facts.seen, kNoon);
  EXPECT_EQ(names_of(after.kept.lists[0]), "a,ü");
  EXPECT_EQ(after.kept.lists[0].page->entries[0].raw, before.kept.lists[0].page->entries[0].raw);
  EXPECT_EQ(after.kept.lists[0].seen, kNoon + seconds(5));
  EXPECT_EQ(names_of(after.kept.lists[1]), "x://1");
  EXPECT_FALSE(after.kept.lists[2]);
  EXPECT_EQ(write_last_good(after), text);
}

TEST(LastGoodText, ABrokenOneIsNeverRead) {
  const std::string text =
      write_last_good(content("s", R"({"name":"a","inputSchema":{}},{"name":"b","inputSchema":{}})"));
  LastGoodText out;
  std::string fault;
  for (std::size_t length = 0; length < text.size(); ++length)
    ASSERT_FALSE(read_last_good(text.substr(0, length), out, fault)) << length;
  for (std::size_t i = 0; i < text.size(); ++i) {
    std::string changed = text;
    changed[i] = static_cast<char>(changed[i] ^ 1);
    ASSERT_FALSE(read_last_good(changed, out, fault)) << i;
    ASSERT_FALSE(fault.empty());
  }
  EXPECT_FALSE(read_last_good("something else\n", out, fault));
  EXPECT_NE(fault.find("no such file"), std::string::npos);
  std::string newer = text;
  newer.replace(newer.find(" 1 "), 3, " 2 ");
  EXPECT_FALSE(read_last_good(newer, out, fault));
  EXPECT_NE(fault.find("newer"), std::string::npos);
}

std::string with_digest(const std::string& body) {
  const Digest digest = sha256(body);
  return "weir-last-good 1 " + hex(digest, digest.size()) + "\n" + body;
}

// With a digest that fits: whoever writes such files may write anything.
TEST(LastGoodText, AnyBodyIsReadOrRefused) {
  LastGoodText out;
  std::string fault;
  for (
      const char* body :
      {"", "[]", "{}", R"({"server":"s"})", R"({"server":"s","reached_by":[],"lists":[]})",
       R"({"server":"s","reached_by":{},"lists":{}})",
       R"({"server":"s","reached_by":[],"lists":{"tools":{}}})",
       R"({"server":"s","reached_by":[],"lists":{"tools":{"entries":[{"name":7}]}}})",
       R"({"server":"s","reached_by":[],"lists":{"tools":{"entries":[]}}} x)",
       R"({"server":"s","reached_by":[],"facts":{},"lists":{}})",
       R"({"server":"s","reached_by":[],"facts":{"revision":"2026-07-28","capabilities":7},"lists":{}})",
       R"({"server":"s","reached_by":[],"facts":{"revision":"1999","capabilities":{}},"lists":{}})",
       R"({"server":"s","reached_by":[],"facts":{"revision":"2026-07-28","capabilities":{},"instructions":1},"lists":{}})"})
    EXPECT_FALSE(read_last_good(with_digest(body), out, fault)) << body;
  EXPECT_TRUE(read_last_good(with_digest(R"({"server":7,"reached_by":[1],"lists":{"tools":{"entries":[]}}})"),
                             out, fault));
}

TEST(LastGoodText, ATimeOutOfRangeIsWithinIt) {
  LastGoodText out;
  std::string fault;
  const std::string head = R"({"server":"s","reached_by":[],"lists":{"tools":{"entries":[],"seen":)";
  ASSERT_TRUE(read_last_good(with_digest(head + "9000000000000000000}}}"), out, fault));
  EXPECT_EQ(age_text(out.kept.lists[0].seen, kNoon), "0s");
  ASSERT_TRUE(read_last_good(with_digest(head + "-9000000000000000000}}}"), out, fault));
  EXPECT_EQ(out.kept.lists[0].seen, WallTime());
}

TEST(LastGoodText, WhatIsReadIsWrittenAsItIsRead) {
  const std::string text = write_last_good(
      content("s", R"({"name":"a","inputSchema":{"type":"object"}},{"name":"b","inputSchema":{}})"));
  const std::string body = text.substr(text.find('\n') + 1);
  Random chance(7);
  std::size_t good = 0;
  for (int round = 0; round < 20'000; ++round) {
    std::string changed = body;
    for (std::uint64_t edits = 1 + chance.below(4); edits != 0; --edits) {
      const std::size_t at = chance.below(changed.size());
      const std::size_t from = chance.below(changed.size());
      switch (chance.below(3)) {
        case 0:
          changed[at] = body[from % body.size()];
          break;
        case 1:
          changed.erase(at, 1 + chance.below(8));
          break;
        default:
          changed.insert(at, changed.substr(from, 1 + chance.below(30)));
      }
      if (changed.empty()) changed = "{";
    }
    LastGoodText read;
    LastGoodText again;
    std::string fault;
    if (!read_last_good(with_digest(changed), read, fault)) continue;
    ++good;
    const std::string written = write_last_good(read);
    ASSERT_TRUE(read_last_good(written, again, fault)) << changed;
    ASSERT_EQ(write_last_good(again), written) << changed;
  }
  EXPECT_GT(good, 100U);
}

TEST(ReachMarks, TellWaysToReachAServerApartWithoutSecrets) {
  const ServerConfig ab = at({"http://u:secret@a:1/mcp?token=secret", "http://b:1/mcp"});
  EXPECT_TRUE(share_a_mark(reach_marks(ab), reach_marks(at({"http://c:1/mcp", "http://b:1/mcp"}))));
  EXPECT_TRUE(share_a_mark(reach_marks(ab), reach_marks(at({"http://a:1/mcp"}))));
  EXPECT_FALSE(share_a_mark(reach_marks(ab), reach_marks(at({"http://a:1/other", "http://b:2/mcp"}))));
  EXPECT_FALSE(share_a_mark(reach_marks(ab), {}));
  ServerConfig child;
  child.type = ServerConfig::Type::stdio;
  child.command = "run";
  child.args = {"a", "b"};
  ServerConfig same = child;
  same.env = {{"K", "v"}};
  same.replicas = 3;
  EXPECT_TRUE(share_a_mark(reach_marks(child), reach_marks(same)));
  for (const auto& change : std::vector<std::function<void(ServerConfig&)>>{
           [](ServerConfig& c) { c.command = "runa"; }, [](ServerConfig& c) { c.args = {"ab"}; },
           [](ServerConfig& c) { c.args = {}; }, [](ServerConfig& c) { c.cwd = "/x"; },
           [](ServerConfig& c) { c.type = ServerConfig::Type::builtin; }}) {
    ServerConfig other = child;
    change(other);
    EXPECT_FALSE(share_a_mark(reach_marks(child), reach_marks(other)));
  }
  LastGoodText text;
  text.server = "s";
  text.marks = reach_marks(ab);
  EXPECT_EQ(write_last_good(text).find("secret"), std::string::npos);
  EXPECT_EQ(write_last_good(text).find("http"), std::string::npos);
}

TEST_F(StateDir, FilesAreTheOwnersAloneAndReplacedWhole) {
  Told told;
  LastGoodFiles files(folder, kNoon, told.trouble());
  LastGoodText read;
  EXPECT_FALSE(files.load("s", read));
  ASSERT_TRUE(files.save(content("s", R"({"name":"a","inputSchema":{}})")));
  struct stat facts {};
  ASSERT_EQ(::stat(folder.c_str(), &facts), 0);
  EXPECT_EQ(facts.st_mode & 0777, 0700U);
  ASSERT_EQ(::stat(files.path_of("s").c_str(), &facts), 0);
  EXPECT_EQ(facts.st_mode & 0777, 0600U);
  // Another file by the same name: who reads the old one reads all of it.
  const int open_before = ::open(files.path_of("s").c_str(), O_RDONLY);
  ASSERT_TRUE(files.save(content("s", R"({"name":"b","inputSchema":{}})")));
  struct stat now {};
  ASSERT_EQ(::stat(files.path_of("s").c_str(), &now), 0);
  EXPECT_NE(now.st_ino, facts.st_ino);
  std::string old(static_cast<std::size_t>(facts.st_size), '\0');
  EXPECT_EQ(::read(open_before, old.data(), old.size()), facts.st_size);
  ::close(open_before);
  EXPECT_TRUE(old.ends_with("}}\n"));
  EXPECT_EQ(this->files(), 1U) << "nothing temporary is left";
  LastGoodFiles again(folder, kNoon, told.trouble());
  ASSERT_TRUE(again.load("s", read));
  EXPECT_EQ(names_of(read.kept.lists[0]), "b");
  // Two names that look alike have files of their own.
  EXPECT_NE(files.path_of("a b"), files.path_of("a_b"));
  EXPECT_TRUE(told.what.empty()) << told.what[0];
}

TEST_F(StateDir, TheSameContentIsNotWrittenAgain) {
  LastGoodFiles files(folder, kNoon, {});
  ASSERT_TRUE(files.save(content("s", R"({"name":"a","inputSchema":{}})")));
  write(files.path_of("s"), "marked");
  ASSERT_TRUE(files.save(content("s", R"({"name":"a","inputSchema":{}})")));
  EXPECT_EQ(read(files.path_of("s")), "marked");
  ASSERT_TRUE(files.save(content("s", R"({"name":"b","inputSchema":{}})")));
  EXPECT_NE(read(files.path_of("s")), "marked");
}

TEST_F(StateDir, AUselessFileIsIgnoredWithAWordAndReplaced) {
  Told told;
  LastGoodText out;
  const std::string good = write_last_good(content("s", R"({"name":"a","inputSchema":{}})"));
  const std::string path = LastGoodFiles(folder, kNoon, {}).path_of("s");
  std::string newer = good;
  newer.replace(newer.find(" 1 "), 3, " 2 ");
  for (const std::string& text : {std::string(), good.substr(0, good.size() / 2), std::string("else"), newer,
                                  write_last_good(content("t", R"({"name":"a","inputSchema":{}})"))}) {
    write(path, text);
    LastGoodFiles files(folder, kNoon, told.trouble());
    EXPECT_FALSE(files.load("s", out));
    ASSERT_FALSE(told.what.empty());
    EXPECT_NE(told.what.back().find(path), std::string::npos) << told.what.back();
    told.what.clear();
    EXPECT_TRUE(files.save(content("s", R"({"name":"a","inputSchema":{}})")));
    EXPECT_EQ(read(path), good);
  }
  fs::remove(path);
  ASSERT_EQ(::mkfifo(path.c_str(), 0600), 0);
  LastGoodFiles files(folder, kNoon, told.trouble());
  EXPECT_FALSE(files.load("s", out)) << "and does not wait for a pipe";
  fs::remove(path);
  write(root + "/elsewhere", good);
  fs::create_symlink(root + "/elsewhere", path);
  EXPECT_FALSE(files.load("s", out));
  EXPECT_EQ(told.what.size(), 2U);
}

TEST_F(StateDir, LeftoversOfACrashGo) {
  LastGoodFiles first(folder, kNoon, {});
  ASSERT_TRUE(first.save(content("s", R"({"name":"a","inputSchema":{}})")));
  const std::string left = first.path_of("s") + ".0123456789abcdef.tmp";
  const std::string foreign = folder + "/notes.tmp";
  write(left, "half");
  write(foreign, "a person's");
  struct stat facts {};
  ASSERT_EQ(::stat(left.c_str(), &facts), 0);
  const WallTime written = WallTime(seconds(facts.st_mtim.tv_sec));
  LastGoodFiles second(folder, written + seconds(30), {});
  EXPECT_TRUE(fs::exists(left)) << "another Weir may be writing it";
  LastGoodText out;
  EXPECT_TRUE(second.load("s", out));
  LastGoodFiles third(folder, written + seconds(90), {});
  EXPECT_FALSE(fs::exists(left));
  EXPECT_TRUE(fs::exists(foreign));
  EXPECT_TRUE(third.load("s", out));
}

TEST_F(StateDir, WhatCannotBeWrittenIsToldOnceAndTriedAgain) {
  Told told;
  LastGoodFiles files(folder, kNoon, told.trouble());
  ASSERT_TRUE(files.save(content("s", R"({"name":"a","inputSchema":{}})")));
  // A directory in the file's place: root, too, cannot rename over it.
  fs::remove(files.path_of("s"));
  fs::create_directory(files.path_of("s"));
  EXPECT_FALSE(files.save(content("s", R"({"name":"b","inputSchema":{}})")));
  EXPECT_FALSE(files.save(content("s", R"({"name":"b","inputSchema":{}})")));
  EXPECT_EQ(told.what.size(), 1U);
  EXPECT_EQ(this->files(), 1U) << "nothing temporary is left";
  fs::remove(files.path_of("s"));
  EXPECT_TRUE(files.save(content("s", R"({"name":"b","inputSchema":{}})")));
  EXPECT_TRUE(fs::is_regular_file(files.path_of("s")));
}

TEST_F(StateDir, AWriteThatBreaksOffLeavesTheFileAsItWas) {
  Told told;
  LastGoodFiles files(folder, kNoon, told.trouble());
  ASSERT_TRUE(files.save(content("s", R"({"name":"a","inputSchema":{}})")));
  const std::string before = read(files.path_of("s"));
  // A full disk, as far as a process can have one of its own.
  struct rlimit usual {};
  ASSERT_EQ(::getrlimit(RLIMIT_FSIZE, &usual), 0);
  const auto ignored = std::signal(SIGXFSZ, SIG_IGN);
  struct rlimit small = usual;
  small.rlim_cur = before.size() - 10;
  ASSERT_EQ(::setrlimit(RLIMIT_FSIZE, &small), 0);
  const bool saved =
      files.save(content("s", R"({"name":"b","inputSchema":{}},{"name":"c","inputSchema":{}})"));
  ::setrlimit(RLIMIT_FSIZE, &usual);
  std::signal(SIGXFSZ, ignored);
  EXPECT_FALSE(saved);
  EXPECT_EQ(told.what.size(), 1U);
  EXPECT_EQ(read(files.path_of("s")), before);
  EXPECT_EQ(this->files(), 1U) << "nothing temporary is left";
  EXPECT_TRUE(files.save(content("s", R"({"name":"b","inputSchema":{}},{"name":"c","inputSchema":{}})")));
  EXPECT_NE(read(files.path_of("s")), before);
}

TEST_F(StateDir, AFolderThatIsOfNoUseIsFoundOut) {
  EXPECT_EQ(state_dir_fault(root + "/deep/er/state"), "");
  write(root + "/file", "x");
  EXPECT_NE(state_dir_fault(root + "/file"), "");
  EXPECT_NE(state_dir_fault(root + "/file/state"), "");
  EXPECT_NE(state_dir_fault("/proc/weir"), "");
}

TEST_F(StateDir, MemoriesOutliveReloadsAndRestartsButNoOtherServer) {
  Told told;
  ServerConfig server = at({"http://a/mcp", "http://b/mcp"});
  {
    Memories memories(told.trouble());
    memories.open(folder, kNoon);
    const auto first = memories.of(server);
    memories.save(false);
    EXPECT_EQ(files(), 0U) << "nothing is known";
    first->note(facts(), kNoon);
    first->note(ListKind::tools, pages(ListKind::tools, {R"({"name":"a","inputSchema":{}})"}), kNoon);
    EXPECT_EQ(memories.of(server), first);
    EXPECT_EQ(memories.of(at({"http://b/mcp", "http://c/mcp"})), first);
    memories.save(false);
    EXPECT_EQ(files(), 1U);
    // Seen again alone is written at the end only.
    const std::string path = LastGoodFiles(folder, kNoon, {}).path_of("s");
    const std::string text = read(path);
    first->note(ListKind::tools, pages(ListKind::tools, {R"({"name":"a","inputSchema":{}})"}),
                kNoon + seconds(60));
    memories.save(false);
    EXPECT_EQ(read(path), text);
    memories.save(true);
    EXPECT_NE(read(path), text);
  }
  Memories again(told.trouble());
  again.open(folder, kNoon);
  const auto inherited = again.of(at({"http://c/mcp", "http://e/mcp"}));
  EXPECT_EQ(names_of(inherited->list(ListKind::tools)), "a");
  EXPECT_EQ(inherited->list(ListKind::tools).seen, kNoon + seconds(60));
  EXPECT_EQ(inherited->facts().facts->capabilities, facts().capabilities);
  // Reached otherwise by and by: the file follows, as does who reads it after a crash.
  again.save(false);
  Memories crashed(told.trouble());
  crashed.open(folder, kNoon);
  EXPECT_EQ(names_of(crashed.of(at({"http://e/mcp"}))->list(ListKind::tools)), "a");
  // Out of the configuration, and back in: from its file.
  again.retain({});
  EXPECT_EQ(names_of(again.of(at({"http://e/mcp"}))->list(ListKind::tools)), "a");
  const auto other = again.of(at({"http://d/mcp"}));
  EXPECT_FALSE(other->list(ListKind::tools)) << "another server by the same name";
  again.save(true);
  Memories third(told.trouble());
  third.open(folder, kNoon);
  EXPECT_FALSE(third.of(at({"http://b/mcp"}))->list(ListKind::tools));
  EXPECT_TRUE(told.what.empty()) << told.what[0];
}

TEST_F(StateDir, AnotherFolderGetsEverything) {
  Memories memories({});
  memories.of(at({"http://a/mcp"}))->note(facts(), kNoon);
  memories.save(true);
  EXPECT_EQ(files(), 0U);
  memories.open(folder, kNoon);
  memories.save(false);
  EXPECT_EQ(files(), 1U);
}

TEST(RecallNames, NamesAndHeadersOfWhatIsKept) {
  LastGood last_good(std::make_shared<KeptBytes>(), {});
  last_good.note(
      ListKind::tools,
      pages(
          ListKind::tools,
          {R"({"name":"a","inputSchema":{"type":"object","properties":{"r":{"type":"string","x-mcp-header":"Region"}}}},{"name":"b","inputSchema":{},"annotations":{"readOnlyHint":true}})"}),
      kNoon);
  std::array<std::shared_ptr<const Identities>, kListKinds> seen;
  std::shared_ptr<const ToolTable> tools;
  recall_names(last_good, seen, tools);
  ASSERT_TRUE(seen[0]);
  EXPECT_EQ(*seen[0], (Identities{"a", "b"}));
  EXPECT_FALSE(seen[1]);
  ASSERT_TRUE(tools);
  EXPECT_EQ(tools->params.size(), 1U);
  EXPECT_TRUE(tools->params.contains("a"));
  EXPECT_EQ(tools->repeatable, std::unordered_set<std::string>{"b"});
}

}  // namespace
}  // namespace weir
