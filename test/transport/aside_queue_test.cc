#include "transport/aside_queue.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <vector>

namespace weir {
namespace {

using Lane = AsideQueue::Lane;

const int kSessions[100] = {};  // their addresses name sessions

AsideQueue::Aside aside(int session, Lane lane, std::string message) {
  return {&kSessions[session], lane, "head", std::move(message)};
}

// What is taken until nothing may be, nothing of it done.
std::vector<std::string> taken(AsideQueue& queue) {
  std::vector<std::string> out;
  while (auto one = queue.take()) out.push_back(one->message);
  return out;
}

TEST(AsideQueue, TakesTurnsAndAnswersGoFirst) {
  AsideQueue queue;
  EXPECT_FALSE(queue.take());
  for (const char* note : {"a1", "a2"}) EXPECT_TRUE(queue.put(aside(0, Lane::notes, note)));
  for (const char* answer : {"A1", "A2"}) EXPECT_TRUE(queue.put(aside(0, Lane::answers, answer)));
  EXPECT_TRUE(queue.put(aside(1, Lane::notes, "b1")));
  EXPECT_TRUE(queue.put(aside(2, Lane::answers, "C1")));
  EXPECT_EQ(taken(queue), (std::vector<std::string>{"A1", "b1", "C1", "A2", "a1", "a2"}));
  EXPECT_EQ(queue.waiting(), 0u);
}

TEST(AsideQueue, WaitsWithANoteOnceHoweverOftenItIsTold) {
  AsideQueue queue;
  for (int i = 0; i < 1000; ++i) EXPECT_TRUE(queue.put(aside(0, Lane::notes, "changed")));
  EXPECT_TRUE(queue.put(aside(1, Lane::notes, "changed")));
  EXPECT_EQ(queue.waiting(), 2u);
  EXPECT_EQ(taken(queue).size(), 2u);
  EXPECT_TRUE(queue.put(aside(0, Lane::notes, "changed"))) << "what is under way may have come too early";
  EXPECT_EQ(queue.waiting(), 1u);
  for (int i = 0; i < 2; ++i) EXPECT_TRUE(queue.put(aside(0, Lane::answers, "answer")));
  EXPECT_EQ(queue.waiting(), 3u) << "no answer is like another";
}

TEST(AsideQueue, ASessionWithTooMuchHarmsItselfOnly) {
  AsideQueue queue;
  int notes = 0;
  for (int i = 0; i < 1000; ++i) notes += queue.put(aside(0, Lane::notes, "n" + std::to_string(i))) ? 1 : 0;
  EXPECT_EQ(notes, 64);
  EXPECT_FALSE(queue.full(&kSessions[0])) << "notes take no answer's place";
  int answers = 0;
  for (int i = 0; i < 1000; ++i) answers += queue.put(aside(0, Lane::answers, "a")) ? 1 : 0;
  EXPECT_EQ(answers, 512);
  EXPECT_TRUE(queue.full(&kSessions[0]));
  EXPECT_FALSE(queue.full(&kSessions[1]));
  const std::string large(5'000'000, 'x');
  EXPECT_TRUE(queue.put(aside(1, Lane::answers, large)));
  EXPECT_TRUE(queue.full(&kSessions[1]));
  EXPECT_FALSE(queue.put(aside(1, Lane::answers, "a")));
  // Half of what is under way at most is one session's.
  std::vector<std::string> sent = taken(queue);
  EXPECT_EQ(std::count(sent.begin(), sent.end(), "a"), 16);
  EXPECT_EQ(std::count(sent.begin(), sent.end(), large), 1);
  queue.done(&kSessions[0], Lane::answers);
  EXPECT_EQ(taken(queue), std::vector<std::string>{"a"});
}

TEST(AsideQueue, NotesOfManySessionsLeaveWorkersForAnswers) {
  AsideQueue queue;
  for (int session = 0; session < 20; ++session)
    for (int i = 0; i < 10; ++i) queue.put(aside(session, Lane::notes, std::to_string(i)));
  EXPECT_EQ(taken(queue).size(), 24u);
  EXPECT_TRUE(queue.put(aside(50, Lane::answers, "answer")));
  EXPECT_EQ(taken(queue), std::vector<std::string>{"answer"});
}

TEST(AsideQueue, WhereAllHaveTooMuchTheOneWithTheMostLoses) {
  AsideQueue queue;
  for (int session = 0; session < 4; ++session)
    for (int i = 0; i < 512; ++i) ASSERT_TRUE(queue.put(aside(session, Lane::answers, "a")));
  EXPECT_EQ(queue.waiting(), AsideQueue::kMax);
  for (int session = 4; session < 54; ++session) EXPECT_TRUE(queue.put(aside(session, Lane::answers, "b")));
  EXPECT_EQ(queue.waiting(), AsideQueue::kMax);
  int lost = 0;
  for (int session = 0; session < 4; ++session) lost += queue.full(&kSessions[session]) ? 0 : 1;
  EXPECT_EQ(lost, 4) << "each in its turn";

  AsideQueue heavy;
  for (int session = 0; session < 4; ++session)
    ASSERT_TRUE(heavy.put(aside(session, Lane::answers, std::string(4'200'000, 'x'))));
  EXPECT_TRUE(heavy.put(aside(9, Lane::answers, "b")));
  EXPECT_EQ(heavy.waiting(), 4u);
}

}  // namespace
}  // namespace weir
