#include "runtime/hosts_file.h"

#include <gtest/gtest.h>

namespace weir {
namespace {

using List = std::vector<std::string>;

TEST(HostsFile, AllLinesOfANameCount) {
  constexpr std::string_view kText =
      "127.0.0.1\tlocalhost\n"
      "# 10.0.0.9 tools\n"
      "10.0.0.1 tools other # tools2\n"
      "  10.0.0.2  elsewhere   TOOLS\r\n"
      "\n"
      "fd00::1 tools\n"
      "10.0.0.1 tools\n"
      "fe80::1%eth0 tools\n"
      "not-an-address tools\n"
      "10.0.0.3 toolsx xtools\n"
      "10.0.0.4 last";
  EXPECT_EQ(hosts_addresses(kText, "tools"), (List{"10.0.0.1", "10.0.0.2", "fd00::1"}));
  EXPECT_EQ(hosts_addresses(kText, "Tools."), (List{"10.0.0.1", "10.0.0.2", "fd00::1"}));
  EXPECT_EQ(hosts_addresses(kText, "last"), (List{"10.0.0.4"}));
  EXPECT_EQ(hosts_addresses(kText, "tools2"), List());
  EXPECT_EQ(hosts_addresses(kText, "10.0.0.1"), List());
  EXPECT_EQ(hosts_addresses(kText, ""), List());
  EXPECT_EQ(hosts_addresses("", "tools"), List());
}

TEST(HostsFile, AnAddressEndsWhereItsWordEnds) {
  EXPECT_EQ(hosts_addresses(std::string_view("10.0.0.1\0x tools\n10.0.0.2 tools", 31), "tools"),
            (List{"10.0.0.2"}));
}

TEST(HostsFile, TheMachineKnowsItself) {
  const List found = system_hosts_addresses("localhost");
  EXPECT_NE(std::find(found.begin(), found.end(), "127.0.0.1"), found.end());
}

}  // namespace
}  // namespace weir
