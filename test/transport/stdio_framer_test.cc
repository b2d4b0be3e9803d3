#include "transport/stdio_framer.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <cstring>
#include <string>
#include <vector>

namespace weir {
namespace {

const std::string kOverlong = "<overlong>";

// Feeds `text` in slices of `slice` bytes; overlong lines show as kOverlong. Holds every line until the end.
std::vector<std::string> frame(std::string_view text, std::size_t line_max, std::size_t slice,
                               bool finish = true) {
  StdioFramer framer(line_max);
  std::vector<Result<Bytes>> lines;
  while (!text.empty()) {
    const std::span<char> window = framer.window();
    EXPECT_FALSE(window.empty());
    const std::size_t count = std::min({slice, text.size(), window.size()});
    std::memcpy(window.data(), text.data(), count);
    framer.received(count);
    text.remove_prefix(count);
    while (auto line = framer.next()) lines.push_back(*std::move(line));
  }
  if (finish) {
    if (auto line = framer.finish()) lines.emplace_back(*std::move(line));
  }
  std::vector<std::string> texts;
  for (const auto& line : lines) {
    if (!line) {
      EXPECT_EQ(line.error().kind(), Error::Kind::too_large);
      EXPECT_EQ(line.error().side(), Error::Side::upstream);
    }
    texts.push_back(line ? std::string(line->view()) : kOverlong);
  }
  return texts;
}

TEST(StdioFramer, CutsLinesHoweverTheyArrive) {
  struct Case {
    std::string text;
    std::vector<std::string> lines;
  };
  const std::vector<Case> cases = {
      {"", {}},
      {"a\n", {"a"}},
      {"a\nbb\nccc\n", {"a", "bb", "ccc"}},
      {"a\r\nb\r\n", {"a", "b"}},
      {"\n\n \t\n\r\na\n\n", {"a"}},
      {"a\rb\n", {"a\rb"}},
      {"  a \n", {"  a "}},
      {std::string("n\0l\n", 4), {std::string("n\0l", 3)}},
      {"\xff\xfe\n", {"\xff\xfe"}},
      {"12345678\n", {"12345678"}},
      {"12345678\r\n", {"12345678"}},
      {"123456789\n", {kOverlong}},
      {"123456789\r\n", {kOverlong}},
      {"1234567890123456789012345\nab\n", {kOverlong, "ab"}},
      {"1234567890123456789012345\n1234567890123456789012345\nab\n", {kOverlong, kOverlong, "ab"}},
      {"ab\n1234567890123456789012345", {"ab", kOverlong}},
      {"ab\ncd", {"ab", "cd"}},
      {"ab\ncd\r", {"ab", "cd"}},
      {"ab\n  ", {"ab"}},
  };
  for (const Case& c : cases)
    for (std::size_t slice : {1u, 2u, 3u, 7u, 1000u})
      EXPECT_EQ(frame(c.text, 8, slice), c.lines) << testing::PrintToString(c.text) << " by " << slice;
}

TEST(StdioFramer, AnOverlongLineIsReportedBeforeItEnds) {
  EXPECT_EQ(frame("123456789012", 8, 1, false), std::vector<std::string>{kOverlong});
}

TEST(StdioFramer, AnEndlessLineHoldsNoMoreThanTheLimit) {
  StdioFramer framer(100'000);
  std::size_t reports = 0;
  std::size_t widest = 0;
  for (int i = 0; i < 2000; ++i) {
    const std::span<char> window = framer.window();
    widest = std::max(widest, window.size());
    std::memset(window.data(), 'x', window.size());
    framer.received(window.size());
    while (auto line = framer.next()) {
      EXPECT_FALSE(line->has_value());
      ++reports;
    }
  }
  EXPECT_EQ(reports, 1u);
  EXPECT_LE(widest, 100'002u);
}

TEST(StdioFramer, LinesOfEverySizeSurviveSideBySide) {
  std::string text;
  std::vector<std::string> expected;
  std::size_t size = 1;
  for (int i = 0; i < 60; ++i) {
    std::string line(size, static_cast<char>('a' + i % 26));
    text += line + (i % 3 == 0 ? "\r\n" : "\n");
    expected.push_back(std::move(line));
    size = size * 13 % 200'003;
  }
  for (std::size_t slice : {37u, 4096u, 65536u, 10'000'000u})
    EXPECT_EQ(frame(text, 1 << 20, slice), expected) << slice;
}

TEST(StdioFramer, SharesTheReceiveBufferAndNeverWritesALineOrItsPaddingAgain) {
  StdioFramer framer(1000);
  const auto feed = [&](std::string_view text) {
    const std::span<char> window = framer.window();
    ASSERT_GE(window.size(), text.size());
    std::memcpy(window.data(), text.data(), text.size());
    framer.received(text.size());
  };
  feed("first\nsec");
  const Result<Bytes> first = *framer.next();
  ASSERT_FALSE(framer.next());
  for (int i = 0; i < 100; ++i) {
    const std::span<char> window = framer.window();
    EXPECT_GE(window.data(), first->view().data() + first->size() + Buffer::kPadding);
    EXPECT_GE(window.size(), 60'000u) << "asking again must not use the buffer up";
  }
  feed("ond\n");
  const Result<Bytes> second = *framer.next();
  EXPECT_EQ(first->view(), "first");
  EXPECT_EQ(second->view(), "second");
  EXPECT_EQ(first->owner().data(), second->owner().data()) << "one buffer, no copy";
}

TEST(StdioFramer, ReadsIntoTheSameSpaceWhenNobodyHoldsALine) {
  StdioFramer framer(1000);
  const char* const start = framer.window().data();
  for (int i = 0; i < 1000; ++i) {
    const std::span<char> window = framer.window();
    EXPECT_EQ(window.data(), start);
    std::memcpy(window.data(), "line\n", 5);
    framer.received(5);
    EXPECT_EQ((*framer.next())->view(), "line");
  }
}

TEST(StdioFramer, GivesAGiantBufferBackAfterTheGiantLine) {
  StdioFramer framer(8 << 20);
  std::size_t left = 4 << 20;
  while (left > 0) {
    const std::span<char> window = framer.window();
    const std::size_t count = std::min(window.size(), left);
    std::memset(window.data(), 'x', count);
    framer.received(count);
    left -= count;
    EXPECT_FALSE(framer.next());
  }
  framer.window()[0] = '\n';
  framer.received(1);
  EXPECT_EQ((*framer.next())->size(), std::size_t{4 << 20});
  EXPECT_LE(framer.window().size(), Buffer::kReceive);
}

struct Logged {
  std::string text;
  bool cut;
  bool operator==(const Logged&) const = default;
};
void PrintTo(const Logged& line, std::ostream* out) { *out << line.text << (line.cut ? " (cut)" : ""); }

TEST(LogLines, AreCutAtTheirLimit) {
  struct Case {
    std::string text;
    std::vector<Logged> lines;
  };
  const std::vector<Case> cases = {
      {"", {}},
      {"a\nb\r\n\n \nc", {{"a", false}, {"b", false}, {"c", false}}},
      {"12345678\n", {{"12345678", false}}},
      {"123456789\nnext\n", {{"12345678", true}, {"next", false}}},
      {"1234567890123456789", {{"12345678", true}}},
      {"1234567\xc3\xa9\nx\n", {{"1234567", true}, {"x", false}}},  // é does not fit whole
      {"12345\xf0\x9f\x98\x80\n", {{"12345", true}}},               // nor does a face
      {"123456\xc3\xa9\n", {{"123456\xc3\xa9", false}}},            // it does here
  };
  for (const Case& c : cases) {
    for (std::size_t slice : {1u, 3u, 1000u}) {
      LogLines splitter(8);
      std::vector<Logged> lines;
      const auto keep = [&](LogLines::Line line) { lines.push_back({std::string(line.text), line.cut}); };
      for (std::size_t at = 0; at < c.text.size(); at += slice)
        splitter.feed(std::string_view(c.text).substr(at, slice), keep);
      splitter.finish(keep);
      EXPECT_EQ(lines, c.lines) << testing::PrintToString(c.text) << " by " << slice;
    }
  }
}

TEST(LogLines, DefaultToEightKilobytes) {
  LogLines splitter;
  std::size_t size = 0;
  splitter.feed(std::string(100'000, 'x') + "\n", [&](LogLines::Line line) {
    EXPECT_TRUE(line.cut);
    size = line.text.size();
  });
  EXPECT_EQ(size, 8192u);
}

}  // namespace
}  // namespace weir
