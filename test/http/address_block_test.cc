#include "http/address_block.h"

#include <gtest/gtest.h>

namespace weir {
namespace {

TEST(AddressBlock, OfIPv6The64) {
  EXPECT_EQ(address_block("[2001:db8:0:1:aaaa:bbbb:cccc:dddd]"), "[2001:db8:0:1::]/64");
  EXPECT_EQ(address_block("2001:db8:0:1::2"), address_block("[2001:db8:0:1:ffff::]"));
  EXPECT_NE(address_block("2001:db8:0:1::2"), address_block("2001:db8:0:2::2"));
  EXPECT_EQ(address_block("[fe80::1%eth0]"), "[fe80::]/64");
  EXPECT_EQ(address_block("[::1]"), "[::]/64");
}

TEST(AddressBlock, IPv4AsItIs) {
  EXPECT_EQ(address_block("192.0.2.7"), "192.0.2.7");
  EXPECT_EQ(address_block("[::ffff:192.0.2.7]"), "192.0.2.7") << "all of IPv4 would be one /64";
}

TEST(AddressBlock, WhatIsNoAddressStays) {
  for (const char* const text : {"", "unknown", "[", "[]", ":", "stdio:x", "[1::2"})
    EXPECT_EQ(address_block(text), text);
}

}  // namespace
}  // namespace weir
