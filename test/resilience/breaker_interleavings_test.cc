// Every interleaving of calls and the judge over one breaker's word: each operation is a load and a
// compare-and-swap, as Breaker does it, and any thread may go next. All states that can be reached are
// visited.
#include <gtest/gtest.h>

#include <cstdio>
#include <string>
#include <unordered_set>
#include <vector>

#include "resilience/breaker_word.h"

namespace weir {
namespace {

namespace step = breaker_step;

enum class Op : std::uint8_t {
  idle,
  enter,
  leave_good,
  leave_bad,
  leave_none,
  open_never,
  open_now,
  half_open,
  renew,
  close,
  close_proved,
  take_note,
  count_
};
constexpr std::uint64_t kNow = 100;

struct Thread {
  Op op = Op::idle;
  bool loaded = false;
  std::uint64_t seen = 0;        // as loaded
  bool holds = false;            // a permit
  std::uint16_t generation = 0;  // of it
  int left = 0;                  // operations, or calls, that it begins yet
};

struct World {
  std::uint64_t word = 0;
  std::vector<Thread> threads;  // the last one is the judge
  int bad_unknown = 0;          // bad ends that the judge has not heard of
  std::uint32_t good = 0;       // good ends since it half-opened
};

struct Model {
  BreakerLimits limits;
  std::unordered_set<std::string> seen;
  std::vector<World> open;
  std::size_t ends = 0;
  std::string wrong;

  std::string key(const World& world) const {
    std::string out(reinterpret_cast<const char*>(&world.word), sizeof(world.word));
    out += static_cast<char>(world.bad_unknown);
    out += static_cast<char>(world.good);
    for (const Thread& one : world.threads) {
      out += static_cast<char>(one.op);
      out += static_cast<char>(one.loaded + 2 * one.holds);
      out += static_cast<char>(one.left);
      if (one.loaded) out.append(reinterpret_cast<const char*>(&one.seen), sizeof(one.seen));
      if (one.holds) out.append(reinterpret_cast<const char*>(&one.generation), sizeof(one.generation));
    }
    return out;
  }

  step::Next next_of(const BreakerWord& word, const Thread& thread) const {
    switch (thread.op) {
      case Op::enter:
        return step::enter(word, limits, kNow);
      case Op::leave_good:
        return step::leave(word, limits, thread.generation, TrialOutcome::good);
      case Op::leave_bad:
        return step::leave(word, limits, thread.generation, TrialOutcome::bad);
      case Op::leave_none:
        return step::leave(word, limits, thread.generation, TrialOutcome::none);
      case Op::open_never:
        return step::open(word, BreakerWord::kNever);
      case Op::open_now:
        return step::open(word, kNow);
      case Op::half_open:
        return step::half_open(word, false);
      case Op::renew:
        return step::half_open(word, true);
      case Op::close:
        return step::close(word, limits, false);
      case Op::close_proved:
        return step::close(word, limits, true);
      case Op::take_note:
        return step::take_note(word);
      default:
        return std::nullopt;
    }
  }

  void push(World world) {
    if (!wrong.empty()) return;
    if (!seen.insert(key(world)).second) return;
    wrong = look(world);
    open.push_back(std::move(world));
  }

  // What is wrong with a state.
  std::string look(const World& world) const {
    const BreakerWord word = BreakerWord::unpack(world.word);
    if (word.pack() != world.word) return "the word does not survive packing";
    if (word.unjudged() != (world.bad_unknown > 0)) return "a bad end was lost, or heard of twice";
    if (world.bad_unknown > 1) return "two bad ends of one generation";
    if (word.state != BreakerState::half_open) return {};
    if (word.permits > limits.permits) return "more permits than there are";
    std::uint32_t holders = 0;
    for (const Thread& one : world.threads)
      holders += one.holds && one.generation == word.generation ? 1U : 0U;
    if (holders != word.permits)
      return "permits out: " + std::to_string(word.permits) + ", held: " + std::to_string(holders);
    if (word.successes != std::min(world.good, limits.successes)) return "good ends were lost";
    // It can always go on: by another call, by the end of one that is under way, by the judge.
    const BreakerWord freed = step::leave(word, limits, word.generation, TrialOutcome::none).value_or(word);
    if (word.permits < limits.permits ? !step::enter(word, limits, kNow) : !step::enter(freed, limits, kNow))
      return "half open, and nobody gets in";
    const step::Next renewed = step::half_open(word, true);
    if (!renewed || !step::enter(*renewed, limits, kNow)) return "the judge can't free it";
    return {};
  }

  void begin(const World& world, std::size_t at) {
    const bool judge = at + 1 == world.threads.size();
    const Thread& thread = world.threads[at];
    const auto with = [&](Op op) {
      World next = world;
      next.threads[at].op = op;
      if (op == Op::enter || judge) --next.threads[at].left;
      push(std::move(next));
    };
    if (thread.holds)
      for (const Op op : {Op::leave_good, Op::leave_bad, Op::leave_none}) with(op);
    else if (!judge && thread.left > 0)
      with(Op::enter);
    // Told of a bad end it takes note first.
    else if (judge && world.bad_unknown > 0)
      with(Op::take_note);
    if (judge && thread.left > 0)
      for (auto op = static_cast<int>(Op::open_never); op < static_cast<int>(Op::take_note); ++op)
        with(static_cast<Op>(op));
  }

  void end(World world, std::size_t at, const BreakerWord& before, const step::Next& next) {
    Thread& thread = world.threads[at];
    if (next) {
      world.word = next->pack();
      const bool anew = next->state == BreakerState::half_open && before.state != BreakerState::half_open;
      if (anew) world.good = 0;
      if (thread.op == Op::leave_good) ++world.good;
      if (thread.op == Op::leave_bad) ++world.bad_unknown;
      if (thread.op == Op::take_note) --world.bad_unknown;
      if (thread.op == Op::enter) {
        thread.holds = true;
        thread.generation = next->generation;
      }
    }
    if (thread.op >= Op::leave_good && thread.op <= Op::leave_none) thread.holds = false;
    thread.op = Op::idle;
    thread.loaded = false;
    push(std::move(world));
  }

  void turn(const World& world, std::size_t at) {
    const Thread& thread = world.threads[at];
    if (thread.op == Op::idle) return begin(world, at);
    World next = world;
    if (!thread.loaded) {
      next.threads[at].loaded = true;
      next.threads[at].seen = world.word;
      return push(std::move(next));
    }
    const BreakerWord before = BreakerWord::unpack(thread.seen);
    const step::Next wanted = next_of(before, thread);
    if (!wanted || thread.seen == world.word) return end(std::move(next), at, before, wanted);
    next.threads[at].seen = world.word;  // the swap failed, and read what is there
    push(std::move(next));
  }

  void run(int callers, int calls, int moves, BreakerState from) {
    World first;
    BreakerWord word;
    word.state = from;
    word.at = from == BreakerState::open ? kNow : 0;
    first.word = word.pack();
    first.threads.resize(static_cast<std::size_t>(callers) + 1);
    for (Thread& one : first.threads) one.left = calls;
    first.threads.back().left = moves;
    push(first);
    while (!open.empty() && wrong.empty()) {
      const World world = std::move(open.back());
      open.pop_back();
      const std::size_t before = seen.size() + open.size();
      for (std::size_t at = 0; at < world.threads.size(); ++at) turn(world, at);
      bool over = before == seen.size() + open.size();
      for (const Thread& one : world.threads)
        over = over && one.op == Op::idle && one.left == 0 && !one.holds;
      if (!over) continue;
      ++ends;
      if (BreakerWord::unpack(world.word).permits != 0) wrong = "a permit is left at the end";
    }
  }
};

void visit(BreakerLimits limits, int callers, int calls, int moves, BreakerState from) {
  Model model;
  model.limits = limits;
  model.run(callers, calls, moves, from);
  EXPECT_EQ(model.wrong, "");
  EXPECT_GT(model.ends, 0u);
  std::printf("  %d callers of %d calls, %d moves of the judge, %u permits: %zu states, %zu ends\n", callers,
              calls, moves, limits.permits, model.seen.size(), model.ends);
}

TEST(BreakerInterleavings, TwoCallersAndTheJudge) {
  for (const BreakerState from : {BreakerState::closed, BreakerState::open, BreakerState::half_open})
    for (const std::uint32_t permits : {1U, 2U}) visit({permits, 2}, 2, 2, 2, from);
  visit({2, 1}, 2, 1, 3, BreakerState::half_open);
}

TEST(BreakerInterleavings, ThreeCallersAndTheJudge) {
  visit({2, 2}, 3, 1, 2, BreakerState::open);
  visit({1, 1}, 3, 1, 1, BreakerState::half_open);
}

}  // namespace
}  // namespace weir
