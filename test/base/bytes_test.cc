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

}  // namespace
}  // namespace weir
