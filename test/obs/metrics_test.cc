#include "obs/metrics.h"

#include <gtest/gtest.h>

#include <thread>

namespace weir {
namespace {

TEST(Metrics, ExactTextOfACounter) {
  Metrics metrics(2);
  const std::string_view labels[] = {"tools/call", "a\"b\\c\nd", "ok"};
  metrics.add(0, Family::requests, labels);
  metrics.add(1, Family::requests, labels, 2);
  const std::string line = R"(weir_requests_total{method="tools/call",server="a\"b\\c\nd",outcome="ok"} 3)";
  EXPECT_EQ(metrics.expose(false, {}),
            "# HELP weir_requests_total Requests of clients by what they came to.\n# TYPE "
            "weir_requests_total counter\n" +
                line + "\n");
  EXPECT_EQ(metrics.expose(true, {}),
            "# HELP weir_requests Requests of clients by what they came to.\n# TYPE weir_requests counter\n" +
                line + "\n# EOF\n");
}

TEST(Metrics, HistogramsAreCumulative) {
  Metrics metrics(1);
  for (const std::uint64_t ns : {50'000U, 100'000U, 100'001U, 2'000'000'000U})
    metrics.observe(0, Family::overhead, {}, ns);
  const std::string page = metrics.expose(false, {});
  for (const char* line :
       {"_bucket{le=\"0.0001\"} 2\n", "_bucket{le=\"0.00025\"} 3\n", "_bucket{le=\"0.1\"} 3\n",
        "_bucket{le=\"+Inf\"} 4\n", "_sum 2.000250001\n", "_count 4\n"})
    EXPECT_NE(page.find(std::string("weir_overhead_duration_seconds") + line), std::string::npos)
        << line << page;
}

TEST(Metrics, ThreadsCountWithoutLoss) {
  Metrics metrics(4);
  std::vector<std::thread> threads;
  for (std::size_t shard = 0; shard < 4; ++shard)
    threads.emplace_back([&, shard] {
      const std::string server = "s" + std::to_string(shard % 2);
      const std::string_view labels[] = {"m", server, "ok"};
      for (int i = 0; i < 10'000; ++i) metrics.add(shard, Family::requests, labels);
    });
  while (metrics.expose(false, {}).size() < 10) std::this_thread::yield();
  for (std::thread& thread : threads) thread.join();
  const std::string page = metrics.expose(false, {});
  for (const char* server : {"s0", "s1"})
    EXPECT_NE(page.find(std::string("server=\"") + server + "\",outcome=\"ok\"} 20000\n"), std::string::npos)
        << page;
}

TEST(Metrics, TheCapFoldsAndCountsWhatItDrops) {
  Metrics metrics(1);
  for (std::size_t i = 0; i < Metrics::kSeriesMax + 50; ++i) {
    const std::string server = std::to_string(i);
    const std::string_view labels[] = {"m", server, "ok"};
    metrics.add(0, Family::requests, labels);
    metrics.add(0, Family::requests, labels);
  }
  EXPECT_EQ(metrics.dropped_series(), 50U);
  EXPECT_LE(metrics.series(), Metrics::kSeriesMax + 1);
  EXPECT_NE(metrics.expose(false, {}).find(R"({method="_OTHER",server="_OTHER",outcome="_OTHER"} 100)"),
            std::string::npos);
}

TEST(Metrics, WhoWantsOpenMetrics) {
  EXPECT_TRUE(wants_openmetrics("application/openmetrics-text;version=1.0.0,text/plain;q=0.5"));
  EXPECT_FALSE(wants_openmetrics("text/plain"));
  EXPECT_FALSE(wants_openmetrics("application/openmetrics-text;q=0,text/plain"));
}

TEST(Metrics, TheProcessKnowsItself) {
  for (const ReadFamily& family : process_families()) {
    ASSERT_EQ(family.samples.size(), 1U) << family.name;
    EXPECT_GT(family.samples[0].value, 0) << family.name;
  }
}

}  // namespace
}  // namespace weir
