#include "resilience/bulkhead.h"

#include <gtest/gtest.h>

#include "resilience/bulkhead_rig.h"

namespace weir {
namespace {

using std::chrono::milliseconds;
using Order = std::vector<std::string>;

Asked of(std::string client, int hold = 100, Priority priority = Priority::normal) {
  Asked out;
  out.client = std::move(client);
  out.hold = milliseconds(hold);
  out.priority = priority;
  return out;
}

Asked to(std::string tool, int hold = 100) {
  Asked out;
  out.hold = milliseconds(hold);
  out.tool = std::move(tool);
  return out;
}

TEST(Bulkhead, RefusesAtOnceWhatFindsNoRoomAnywhere) {
  BulkheadRig rig(bulkhead_of(2, 0, 50));
  for (const char* id : {"1", "2", "3"}) rig.at(id[0] - '1', id, of("a"));
  ASSERT_TRUE(rig.run());
  EXPECT_EQ(rig.outcomes["1"].what, "ok");
  EXPECT_EQ(rig.outcomes["2"].what, "ok");
  const Outcome& third = rig.outcomes["3"];
  EXPECT_EQ(third.what, "overloaded");
  EXPECT_EQ(third.ended, milliseconds(2));
  EXPECT_EQ(third.error->side(), Error::Side::gateway);
  EXPECT_EQ(third.error->sent(), Error::Sent::no);
  EXPECT_EQ(third.error->retry_after(), milliseconds(50));
  EXPECT_NE(third.error->detail().find("2 at a time (bulkhead.max_concurrent)"), std::string::npos)
      << third.error->detail();
  EXPECT_EQ(rig.refused(Refused::queue_full), 1u);
  EXPECT_EQ(rig.most, 2u);
}

TEST(Bulkhead, AWaitingCallGoesAsSoonAsOneEnds) {
  for (const std::size_t shards : {1, 2, 3}) {
    BulkheadRig rig(bulkhead_of(1, 2, 500), {}, shards);
    rig.at(0, "1", of("a"));
    rig.at(10, "2", of("a"));
    rig.at(20, "3", of("b"));
    ASSERT_TRUE(rig.run());
    EXPECT_EQ(rig.outcomes["2"].begun, milliseconds(100));
    EXPECT_EQ(rig.outcomes["3"].begun, milliseconds(200));
    EXPECT_EQ(rig.outcomes["3"].what, "ok");
    EXPECT_EQ(rig.most, 1u);
  }
}

TEST(Bulkhead, WaitsNoLongerThanItMay) {
  BulkheadRig rig(bulkhead_of(1, 8, 50));
  rig.at(0, "1", of("a", 1000));
  rig.at(10, "2", of("a"));
  Asked hurried = of("a");
  hurried.patience = milliseconds(20);
  rig.at(10, "3", hurried);
  Asked left = of("a");
  left.cancelled = milliseconds(30);
  rig.at(10, "4", left);
  ASSERT_TRUE(rig.run());
  EXPECT_EQ(rig.outcomes["2"].what, "overloaded");
  EXPECT_EQ(rig.outcomes["2"].ended, milliseconds(60));
  EXPECT_NE(rig.outcomes["2"].error->detail().find("50ms"), std::string::npos);
  EXPECT_EQ(rig.outcomes["3"].what, "deadline_exceeded");
  EXPECT_EQ(rig.outcomes["3"].ended, milliseconds(30));
  EXPECT_EQ(rig.outcomes["3"].error->sent(), Error::Sent::no);
  EXPECT_EQ(rig.outcomes["4"].what, "cancelled");
  EXPECT_EQ(rig.outcomes["4"].ended, milliseconds(40));
  EXPECT_EQ(rig.order, Order{"1"});
  EXPECT_EQ(rig.refused(Refused::queue_timeout), 2u);
}

TEST(Bulkhead, OneClientHasNoMoreThanItsShare) {
  BulkheadRig rig(bulkhead_of(4, 8, 50, 0.5));
  for (const char* id : {"1", "2", "3"}) rig.at(0, id, of("a"));
  for (const char* id : {"4", "5"}) rig.at(5, id, of("b", 20));
  ASSERT_TRUE(rig.run());
  EXPECT_EQ(rig.outcomes["4"].begun, milliseconds(5));
  EXPECT_EQ(rig.outcomes["5"].begun, milliseconds(5));
  std::string refused;
  for (const char* id : {"1", "2", "3"})
    if (rig.outcomes[id].what != "ok") refused += id;
  EXPECT_EQ(refused.size(), 1u);
  EXPECT_EQ(rig.outcomes[refused].ended, milliseconds(50));
  EXPECT_NE(rig.outcomes[refused].error->detail().find("bulkhead.client_share"), std::string::npos);
  EXPECT_EQ(rig.refused(Refused::client_share), 1u);
  EXPECT_EQ(rig.most, 4u);
}

TEST(Bulkhead, AShareIsAtLeastOneCallAndOfNobodyThereIsNone) {
  BulkheadRig rig(bulkhead_of(3, 0, 50, 0.01));
  rig.at(0, "1", of("a"));
  rig.at(1, "2", of("a"));
  rig.at(2, "3", of("", 10));
  rig.at(3, "4", of("", 10));
  rig.at(4, "5", of("", 10));
  ASSERT_TRUE(rig.run());
  EXPECT_EQ(rig.outcomes["1"].what, "ok");
  EXPECT_EQ(rig.outcomes["2"].what, "overloaded");
  EXPECT_EQ(rig.outcomes["3"].what, "ok");
  EXPECT_EQ(rig.outcomes["4"].what, "ok");
  EXPECT_EQ(rig.outcomes["5"].what, "overloaded");  // they count all the same
  EXPECT_EQ(rig.refused(Refused::client_share), 1u);
  EXPECT_EQ(rig.refused(Refused::queue_full), 1u);
}

TEST(Bulkhead, NextIsTheMostUrgentThenWhoHasTheFewestThenTheOldest) {
  BulkheadRig rig(bulkhead_of(3, 16, 5000));
  rig.at(0, "a1", of("a", 100));
  rig.at(1, "a2", of("a", 1000));
  rig.at(2, "b1", of("b", 1000));
  // Every hundred milliseconds one may go.
  rig.at(10, "low", of("c", 100, Priority::low));
  rig.at(11, "a3", of("a", 100));
  rig.at(12, "c1", of("c", 100));
  rig.at(13, "c2", of("c", 100));
  rig.at(14, "b2", of("b", 100));
  rig.at(15, "urgent", of("a", 100, Priority::high));
  ASSERT_TRUE(rig.run());
  const Order expected{"a1", "a2", "b1", "urgent", "c1", "c2", "a3", "b2", "low"};
  EXPECT_EQ(rig.order, expected);
}

TEST(Bulkhead, AFullQueueGivesThePlaceOfTheNewestLessUrgentOne) {
  BulkheadRig rig(bulkhead_of(1, 2, 5000));
  rig.at(0, "1", of("a"));
  rig.at(1, "low1", of("a", 10, Priority::low));
  rig.at(2, "low2", of("b", 10, Priority::low));
  rig.at(3, "normal", of("c", 10));
  rig.at(4, "low3", of("c", 10, Priority::low));
  ASSERT_TRUE(rig.run());
  EXPECT_EQ(rig.outcomes["low2"].what, "overloaded");
  EXPECT_EQ(rig.outcomes["low2"].ended, milliseconds(3));
  EXPECT_EQ(rig.outcomes["low3"].ended, milliseconds(4));
  EXPECT_EQ(rig.order, (Order{"1", "normal", "low1"}));
  EXPECT_EQ(rig.refused(Refused::displaced), 1u);
  EXPECT_EQ(rig.refused(Refused::queue_full), 1u);
}

TEST(Bulkhead, AFullQueueGivesThePlaceOfWhoHasFarMore) {
  BulkheadRig rig(bulkhead_of(1, 3, 5000));
  rig.at(0, "1", of("a"));
  for (const char* id : {"a1", "a2", "a3"}) rig.at(id[1] - '0', id, of("a", 10));
  rig.at(5, "b1", of("b", 10));  // three to none
  rig.at(6, "b2", of("b", 10));  // two to one: no
  rig.at(7, "low", of("c", 10, Priority::low));
  ASSERT_TRUE(rig.run());
  EXPECT_EQ(rig.outcomes["a3"].what, "overloaded");
  EXPECT_EQ(rig.outcomes["a3"].ended, milliseconds(5));
  EXPECT_EQ(rig.outcomes["b1"].what, "ok");
  EXPECT_EQ(rig.outcomes["b2"].ended, milliseconds(6));
  EXPECT_EQ(rig.outcomes["low"].ended, milliseconds(7));
  EXPECT_EQ(rig.refused(Refused::displaced), 1u);
}

TEST(Bulkhead, WhoHasItsShareTakesNobodyElsesPlace) {
  BulkheadRig rig(bulkhead_of(2, 1, 5000, 0.5));
  rig.at(0, "a1", of("a"));
  rig.at(1, "b1", of("b"));
  rig.at(2, "c1", of("c", 10, Priority::low));
  rig.at(3, "a2", of("a", 10, Priority::high));
  ASSERT_TRUE(rig.run());
  EXPECT_EQ(rig.outcomes["a2"].what, "overloaded");
  EXPECT_EQ(rig.outcomes["a2"].ended, milliseconds(3));
  EXPECT_EQ(rig.outcomes["c1"].what, "ok");
  EXPECT_EQ(rig.refused(Refused::client_share), 1u);
}

TEST(Bulkhead, AToolHasALimitOfItsOwnHoweverItsNameIsWritten) {
  BulkheadRig rig(bulkhead_of(4, 8, 150), {{"slow", 1}});
  rig.at(0, "1", to("slow"));
  rig.at(1, "2", to("sl\\u006fw"));
  rig.at(2, "3", to("slow"));
  rig.at(3, "4", to("echo"));  // passes those that wait
  ASSERT_TRUE(rig.run());
  EXPECT_EQ(rig.outcomes["2"].begun, milliseconds(100));
  EXPECT_EQ(rig.outcomes["3"].what, "overloaded");
  EXPECT_EQ(rig.outcomes["3"].ended, milliseconds(152));
  EXPECT_NE(rig.outcomes["3"].error->detail().find("its max_concurrent"), std::string::npos);
  EXPECT_EQ(rig.outcomes["4"].begun, milliseconds(3));
  EXPECT_EQ(rig.refused(Refused::tool_limit), 1u);
}

// Else who waits could lose each place to who has just come.
TEST(Bulkhead, WhileAnybodyWaitsNobodyIsLetInWithoutALook) {
  BulkheadRig rig(bulkhead_of(4, 8, 150), {{"slow", 1}});
  rig.at(0, "1", to("slow"));
  rig.at(1, "2", to("slow"));
  int looks = 0;
  for (const int ms : {50, 220})
    rig.world.at(rig.begin + milliseconds(ms), rig.world.shard(0), [&rig, &looks, ms] {
      const AdmissionWish wish;
      const bool in = rig.policies.admission.enter(wish);
      EXPECT_EQ(in, ms == 220);
      if (in) rig.policies.admission.undo(wish);
      ++looks;
    });
  rig.at(300, "3", to("echo"));
  ASSERT_TRUE(rig.run());
  EXPECT_EQ(looks, 2);
}

TEST(Bulkhead, LimitsOfToolsStandWithoutAnyOther) {
  BulkheadConfig off = bulkhead_of(1, 0, 50);
  off.enabled = false;
  BulkheadRig rig(off, {{"slow", 1}});
  rig.at(0, "1", to("slow"));
  rig.at(1, "2", to("slow"));
  for (const char* id : {"3", "4", "5"}) rig.at(2, id, to("echo"));
  ASSERT_TRUE(rig.run());
  EXPECT_EQ(rig.outcomes["2"].what, "overloaded");
  EXPECT_EQ(rig.most, 4u);
}

TEST(Bulkhead, WhoWaitsForItsClientHoldsNoPermit) {
  BulkheadRig rig(bulkhead_of(1, 4, 5000));
  Asked asking = of("a", 100);
  asking.asks = {milliseconds(20), milliseconds(300)};
  rig.at(0, "1", asking);
  rig.at(10, "2", of("a", 1000));
  rig.at(400, "3", of("a", 10));
  ASSERT_TRUE(rig.run());
  EXPECT_EQ(rig.outcomes["2"].begun, milliseconds(20));
  EXPECT_EQ(rig.outcomes["1"].what, "ok");  // it goes on beyond the limit
  EXPECT_EQ(rig.outcomes["1"].ended, milliseconds(400));
  EXPECT_EQ(rig.most, 2u);
  EXPECT_EQ(rig.outcomes["3"].begun, milliseconds(1020));  // and counts again
}

TEST(Bulkhead, ACallThatIsCancelledWhileItsClientIsAskedGivesNothingBackTwice) {
  BulkheadRig rig(bulkhead_of(1, 0, 50));
  Asked asking = of("a", 100);
  asking.asks = {milliseconds(20), milliseconds(300)};
  asking.cancelled = milliseconds(50);
  rig.at(0, "1", asking);
  rig.at(30, "2", of("a", 100));
  rig.at(60, "3", of("a", 10));
  ASSERT_TRUE(rig.run());
  EXPECT_EQ(rig.outcomes["1"].what, "cancelled");
  EXPECT_EQ(rig.outcomes["2"].what, "ok");
  EXPECT_EQ(rig.outcomes["3"].what, "overloaded");
}

TEST(Bulkhead, AReloadChangesTheLimitsUnderTheCallsThatThereAre) {
  BulkheadRig rig(bulkhead_of(2, 8, 5000), {{"slow", 1}});
  for (const char* id : {"1", "2", "3", "4", "5"}) rig.at(0, id, of("a", 1000));
  rig.at(1, "s1", to("slow", 10));
  rig.reload_at(100, bulkhead_of(4, 8, 5000));  // two more go, without the tool's limit
  rig.at(150, "6", of("a", 10));
  rig.reload_at(200, bulkhead_of(1, 0, 5000));
  rig.at(300, "7", of("a", 10));
  ASSERT_TRUE(rig.run());
  EXPECT_EQ(rig.most, 4u);
  EXPECT_EQ(std::count_if(rig.outcomes.begin(), rig.outcomes.end(),
                          [](const auto& one) { return one.second.begun == milliseconds(100); }),
            2);
  EXPECT_EQ(rig.outcomes["7"].what, "overloaded");
  // The others go one by one, once only the last of four is left.
  for (const char* id : {"1", "2", "3", "4", "5", "6", "s1"}) EXPECT_EQ(rig.outcomes[id].what, "ok") << id;
}

TEST(Bulkhead, ThatIsSwitchedOffLetsAllGo) {
  BulkheadRig rig(bulkhead_of(1, 8, 5000));
  for (const char* id : {"1", "2", "3"}) rig.at(0, id, of("a", 1000));
  BulkheadConfig off;
  off.enabled = false;
  rig.reload_at(100, off);
  rig.at(200, "4", of("a", 1000));
  ASSERT_TRUE(rig.run());
  EXPECT_EQ(rig.most, 4u);
  EXPECT_EQ(rig.policies.admission.limit(), std::nullopt);
}

TEST(Bulkhead, SaysWhenItMayBeTriedAgain) {
  BulkheadRig rig(bulkhead_of(2, 0, 50));
  for (const char* id : {"1", "2"}) rig.at(0, id, of("a", 4000));
  for (const char* id : {"3", "4"}) rig.at(4100, id, of("a", 30'000));
  rig.at(4200, "early", of("a"));
  for (const char* id : {"5", "6"}) rig.at(40'000, id, of("a", 100));
  rig.at(40'001, "late", of("a"));
  ASSERT_TRUE(rig.run());
  EXPECT_EQ(rig.outcomes["early"].error->retry_after(),
            milliseconds(2000));  // two at a time, four seconds each
  const milliseconds late = *rig.outcomes["late"].error->retry_after();
  EXPECT_GT(late, milliseconds(2000));
  EXPECT_LE(late, std::chrono::seconds(10));
}

TEST(Bulkhead, WhoIsServedAndCancelledInOneMomentPassesItOn) {
  for (std::uint64_t seed = 1; seed <= 50; ++seed) {
    BulkheadRig rig(bulkhead_of(1, 8, 5000), {}, 3, seed);
    rig.at(0, "1", of("a", 100));
    Asked left = of("a", 100);
    left.cancelled = milliseconds(90);
    rig.at(10, "2", left);
    rig.at(20, "3", of("a", 100));
    Asked late = of("a", 100);
    late.patience = milliseconds(70);  // until the moment, too
    rig.at(30, "4", late);
    ASSERT_TRUE(rig.run());
    EXPECT_EQ(rig.outcomes["3"].what, "ok") << seed;
    EXPECT_EQ(rig.most, 1u) << seed;
  }
}

TEST(Bulkhead, AnAttemptHasThePermitOfItsCall) {
  BulkheadRig rig(bulkhead_of(1, 0, 50));
  const auto message = Message::index(
      Bytes::copy_of(R"({"jsonrpc":"2.0","id":1,"method":"tools/call","params":{"name":"x"}})"), JsonLimits(),
      Message::From::client);
  CancelScope scope;
  Call call(*message, *find_method("tools/call"), scope);
  const Call attempt(call, scope);
  const Call second(attempt, scope);
  EXPECT_EQ(second.permit, &call.own_permit);
}

TEST(Bulkhead, DescribesItself) {
  BulkheadRig rig(bulkhead_of(1, 0, 50));
  Bulkhead fixed(nullptr, BulkheadConfig(), {{"slow", 3}}, rig.policies);
  EXPECT_EQ(fixed.describe(), "bulkhead: 256 calls at a time, of one client 50%; 64 may wait 100ms; slow: 3");
  BulkheadConfig adaptive;
  adaptive.adaptive = true;
  EXPECT_EQ(Bulkhead(nullptr, adaptive, {}, rig.policies).describe(),
            "bulkhead: up to 256 calls at a time, as many as it does well, of one client 50%; 64 may wait "
            "100ms");
}

}  // namespace
}  // namespace weir
