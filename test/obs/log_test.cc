#include "obs/log.h"

#include <gtest/gtest.h>
#include <unistd.h>

#include <algorithm>

#include "base/json.h"

namespace weir {
namespace {

class Pipe {
 public:
  Pipe() { EXPECT_EQ(::pipe(ends_), 0); }
  ~Pipe() {
    for (const int fd : ends_)
      if (fd >= 0) ::close(fd);
  }
  int in() const { return ends_[1]; }
  std::string read_all() {
    ::close(ends_[1]);
    ends_[1] = -1;
    std::string out;
    char buffer[65536];
    for (ssize_t got = 0; (got = ::read(ends_[0], buffer, sizeof buffer)) > 0;)
      out.append(buffer, static_cast<std::size_t>(got));
    return out;
  }

 private:
  int ends_[2] = {-1, -1};
};

TEST(Log, LinesAreJsonWhateverTheyHold) {
  Pipe pipe;
  {
    Log log(pipe.in());
    LogLine(log, Module::front, Severity::info, "a \"b\"\n\x01")
        .text("k", "\xff\x1b[31m")
        .number("n", -3)
        .milliseconds("ms", std::chrono::microseconds(1500));
    LogLine(log, Module::front, Severity::debug, "not written");
  }
  const std::string out = pipe.read_all();
  ASSERT_EQ(std::count(out.begin(), out.end(), '\n'), 1) << out;
  JsonCursor cursor(out, JsonLimits(), true);
  cursor.take_value();
  EXPECT_TRUE(cursor.finish()) << out;
  EXPECT_NE(out.find(R"("module":"front","message":"a \"b\"\n\u0001")"), std::string::npos) << out;
  EXPECT_NE(out.find(R"("n":-3,"ms":1.500)"), std::string::npos) << out;
}

TEST(Log, TextHoldsNoControlCharacters) {
  Pipe pipe;
  {
    Log log(pipe.in());
    LogOptions options;
    options.json = false;
    options.level = Severity::warn;
    options.modules[static_cast<std::size_t>(Module::health)] = Severity::debug;
    log.set_options(options);
    LogLine(log, Module::health, Severity::debug,
            "a\x1b"
            "b")
        .text("k", "x\ry")
        .text("plain", "z")
        .text("none", "");
    LogLine(log, Module::app, Severity::info, "below its level");
  }
  const std::string out = pipe.read_all();
  EXPECT_EQ(out.substr(12), " debug health  a b k=\"x\\ry\" plain=z none=\"\"\n");
}

// Terminals obey DEL and the controls of U+0080 to U+009F as they do those of ASCII.
TEST(Log, NeitherFormHoldsTheControlsBeyondAscii) {
  for (const bool json : {false, true}) {
    Pipe pipe;
    {
      Log log(pipe.in());
      LogOptions options;
      options.json = json;
      log.set_options(options);
      LogLine(log, Module::child, Severity::warn, "a\xC2\x9B 31m\x7F\xC2\xA0\xC3\xA9")
          .text("k", "\xC2\x85\x7Fx\xC3\xA9");
    }
    const std::string out = pipe.read_all();
    if (json)
      EXPECT_NE(
          out.find("\"message\":\"a\\u009b 31m\\u007f\xC2\xA0\xC3\xA9\",\"k\":\"\\u0085\\u007fx\xC3\xA9\"}"),
          std::string::npos)
          << out;
    else
      EXPECT_EQ(out.substr(12), " warn  child  a  31m \xC2\xA0\xC3\xA9 k=\"\\u0085\\u007fx\xC3\xA9\"\n");
  }
}

TEST(Log, ManyLinesFewWrites) {
  Pipe pipe;
  std::string out;
  {
    Log log(pipe.in());
    for (int i = 0; i < 200; ++i) LogLine(log, Module::access, Severity::info, "line");
    log.flush();
    EXPECT_EQ(log.dropped(), 0U);
  }
  out = pipe.read_all();
  EXPECT_EQ(std::count(out.begin(), out.end(), '\n'), 200);
}

TEST(Log, WhatDoesNotFitIsCountedAndSaid) {
  Pipe pipe;
  {
    Log log(pipe.in());
    // Nobody reads while 10 MB come: 4 MB are being written, 4 MB held, the rest is counted, and ending does
    // not hang.
    const std::string text(8000, 'x');
    for (int i = 0; i < 1300; ++i) LogLine(log, Module::app, Severity::info, text);
    EXPECT_GT(log.dropped(), 0U);
  }
  EXPECT_FALSE(pipe.read_all().empty());
}

}  // namespace
}  // namespace weir
