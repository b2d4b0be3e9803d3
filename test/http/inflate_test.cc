#include "http/inflate.h"

#include <gtest/gtest.h>

#include <string>

namespace weir {
namespace {

using State = Inflater::State;

// Feeds `packed` in parts of `step` bytes. What came out, and how it ended.
std::pair<std::string, State> unpack(const std::string& packed, std::size_t step,
                                     const char* coding = "gzip") {
  const auto inflater = Inflater::of(coding);
  EXPECT_TRUE(inflater);
  std::string out;
  for (std::size_t at = 0;;) {
    const State state = inflater->next();
    if (state == State::data) {
      out += inflater->data();
    } else if ((state == State::more || state == State::done) && at < packed.size()) {
      inflater->feed(std::string_view(packed).substr(at, step));
      at += step;
    } else {
      return {out, state};
    }
  }
}

// "hello hello hello" by gzip.
const std::string kHello(
    "\x1f\x8b\x08\x00\x00\x00\x00\x00\x00\x03\xcb\x48\xcd\xc9\xc9\x57\xc8\x40\x90\x00\x80\x88\xf9\xe5\x11\x00"
    "\x00\x00",
    28);

TEST(Inflater, InPartsOfEverySize) {
  for (std::size_t step = 1; step <= kHello.size(); ++step) {
    const auto [out, end] = unpack(kHello, step);
    EXPECT_EQ(out, "hello hello hello") << step;
    EXPECT_EQ(end, State::done) << step;
  }
}

TEST(Inflater, WhatIsNoneOrDoesNotEnd) {
  EXPECT_EQ(unpack("hello", 5).second, State::broken);
  EXPECT_EQ(unpack("", 1).second, State::more);
  for (std::size_t size = 1; size < kHello.size(); ++size)
    EXPECT_NE(unpack(kHello.substr(0, size), 7).second, State::done) << size;
  EXPECT_EQ(unpack(kHello + "x", 100).second, State::broken);
  EXPECT_EQ(unpack(kHello + "x", kHello.size()).second, State::broken);
}

TEST(Inflater, KnowsItsCodings) {
  for (const char* const coding : {"gzip", "x-gzip", "GZip", "deflate", "Deflate"})
    EXPECT_TRUE(Inflater::of(coding));
  for (const char* const coding : {"", "identity", "br", "zstd", "gzip, gzip", "gzip ", "compress"})
    EXPECT_FALSE(Inflater::of(coding));
}

}  // namespace
}  // namespace weir
