#include "transport/log_quota.h"

#include <gtest/gtest.h>

namespace weir {
namespace {

using std::chrono::milliseconds;
using std::chrono::seconds;

TEST(LogQuota, LetsManyThroughAtOnceThenASteadyFewAndCountsTheRest) {
  LogQuota quota;
  const LogQuota::TimePoint start{seconds(1000)};
  int through = 0;
  for (int i = 0; i < 1500; ++i) through += quota.admit(start) ? 1 : 0;
  EXPECT_EQ(through, 1000);
  EXPECT_EQ(quota.take_dropped(), 500U);
  EXPECT_EQ(quota.take_dropped(), 0U);
  through = 0;
  for (int ms = 0; ms < 10'000; ++ms) through += quota.admit(start + milliseconds(ms)) ? 1 : 0;
  EXPECT_NEAR(through, 1000, 2);
  // After a silence there is room for many again, but never for more than at first.
  through = 0;
  for (int i = 0; i < 5000; ++i) through += quota.admit(start + seconds(3600)) ? 1 : 0;
  EXPECT_EQ(through, 1000);
}

}  // namespace
}  // namespace weir
