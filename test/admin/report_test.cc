#include <gtest/gtest.h>

#include "admin/api.h"

namespace weir {
namespace {

TEST(AdminReport, ServersNameTheEndpointIfItIsKnown) {
  Plan plan;
  plan.catalogue = std::make_shared<Published<Catalogue>>(std::make_shared<const Catalogue>(
      NameRules(), std::vector<std::string>(),
      std::vector<std::array<std::shared_ptr<const Identities>, kListKinds>>()));
  EXPECT_EQ(servers_json(plan, ""), R"({"servers":[]})");
  EXPECT_EQ(servers_json(plan, "http://127.0.0.1:8080/mcp"),
            R"({"endpoint":"http://127.0.0.1:8080/mcp","servers":[]})");
}

}  // namespace
}  // namespace weir
