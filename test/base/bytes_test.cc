#include "base/bytes.h"

#include <gtest/gtest.h>

namespace weir {
namespace {

TEST(Bytes, KeepTheirBufferAlive) {
  Bytes bytes;
  {
    Buffer buffer = Buffer::copy_of("hello world");
    bytes = Bytes(buffer, std::string_view(buffer.data(), 5));
    EXPECT_FALSE(buffer.unique());
  }
  EXPECT_EQ(bytes.view(), "hello");
  EXPECT_TRUE(bytes.owner().unique());
}

TEST(Bytes, HavePaddingBehindEverySize) {
  for (std::size_t size : {0u, 1u, 1024u, 1025u, 65536u, 65537u, 1000000u}) {
    Buffer buffer(size);
    ASSERT_GE(buffer.capacity(), size);
    for (std::size_t i = 0; i < Buffer::kPadding; ++i) buffer.data()[buffer.capacity() + i] = 'x';
  }
}

TEST(GrowingBytes, JoinsWhatComes) {
  GrowingBytes growing;
  std::string all;
  for (int i = 0; i < 1000; ++i) {
    const std::string part(static_cast<std::size_t>(i % 97), static_cast<char>('a' + i % 26));
    ASSERT_TRUE(growing.append(part));
    all += part;
    ASSERT_EQ(growing.size(), all.size());
  }
  const Bytes whole = growing.take();
  EXPECT_EQ(whole.view(), all);
  EXPECT_EQ(growing.size(), 0u);
  EXPECT_TRUE(growing.append("more"));
  EXPECT_EQ(growing.take().view(), "more");
}

TEST(BufferLimit, LeavesNoRoomBeyondIt) {
  const std::size_t before = buffer_bytes();
  constexpr std::size_t kSize = 1 << 20;
  set_buffer_limit(before + 2 * kSize);
  EXPECT_TRUE(buffers_have_room(kSize));
  EXPECT_FALSE(buffers_have_room(3 * kSize));
  GrowingBytes growing;
  EXPECT_TRUE(growing.append(std::string(kSize, 'x')));
  EXPECT_GE(buffer_bytes(), before + kSize);
  EXPECT_FALSE(growing.append(std::string(kSize, 'y'))) << "it takes twice as much while it moves";
  EXPECT_EQ(growing.take().view(), std::string(kSize, 'x'));
  EXPECT_EQ(buffer_bytes(), before);
  set_buffer_limit(before + before / 20);
  EXPECT_TRUE(buffers_are_short() || before == 0);
  set_buffer_limit(static_cast<std::size_t>(-1));
  EXPECT_FALSE(buffers_are_short());
  EXPECT_TRUE(buffers_have_room(kSize));
}

}  // namespace
}  // namespace weir
