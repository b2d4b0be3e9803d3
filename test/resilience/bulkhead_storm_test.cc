// Calls of all sorts at a bulkhead whose limits change under them: whoever is let in finds room, nobody waits
// for longer than it may, nobody is served twice, and in the end all permits have come back. Drawn from one
// seed.
#include <gtest/gtest.h>

#include <algorithm>

#include "resilience/bulkhead_rig.h"
#include "sim/seeds.h"

namespace weir {
namespace {

using std::chrono::milliseconds;

/// What held from a time on.
struct Rules {
  Duration since{};
  BulkheadConfig config;
  ToolLimits tools;
  std::size_t limit() const { return config.enabled ? config.max_concurrent : std::size_t{1} << 30; }
  std::size_t share() const {
    if (!config.enabled) return limit();
    const double share = config.client_share * static_cast<double>(config.max_concurrent) + 1e-9;
    return std::max<std::size_t>(1, static_cast<std::size_t>(share));
  }
  std::size_t of_tool(const std::string& name) const {
    const auto own = tools.find(name);
    return own == tools.end() ? std::size_t{1} << 30 : own->second;
  }
};

class Storm {
 public:
  explicit Storm(std::uint64_t seed)
      : random_(seed),
        limits_tools_(draw(2) == 0),
        rules_{draw_rules(Duration::zero())},
        rig_(rules_[0].config, rules_[0].tools, 3, seed) {
    rig_.on_begin = [this](const std::string& id, const Asked& asked, Duration since) {
      judge_begin(id, asked, since);
    };
  }
  void run() {
    for (int i = 0; i < 6; ++i) {
      const int at = 130 * i + draw(130);
      rules_.push_back(draw_rules(milliseconds(at)));
      rig_.reload_at(at, rules_.back().config, rules_.back().tools);
    }
    for (int i = 0; i < 250; ++i) {
      const std::string id = std::to_string(i);
      const int at = draw(800);
      const Asked asked = asked_[id] = draw_call();
      begun_[id] = milliseconds(at);
      rig_.at(at, id, asked);
    }
    ASSERT_TRUE(rig_.run()) << "somebody waits for ever";
    for (const auto& [id, outcome] : rig_.outcomes) judge_end(id, outcome);
    EXPECT_EQ(rig_.outcomes.size(), 250u);
  }

 private:
  int draw(int bound) { return static_cast<int>(random_() % static_cast<unsigned>(bound)); }
  Rules draw_rules(Duration since) {
    Rules out;
    out.since = since;
    out.config = bulkhead_of(1 + draw(6), draw(12), 1 + draw(60), (1 + draw(10)) / 10.0);
    out.config.enabled = draw(8) != 0;
    // Calls from before a tool had a limit are not counted.
    if (limits_tools_) out.tools = {{"slow", 1 + draw(2)}};
    return out;
  }
  Asked draw_call() {
    Asked out;
    out.client = std::vector<std::string>{"a", "a", "b", "c", ""}[draw(5)];
    out.tool = draw(3) == 0 ? "slow" : "echo";
    out.hold = milliseconds(1 + draw(40));
    out.priority = static_cast<Priority>(draw(3));
    if (draw(5) == 0) out.patience = milliseconds(1 + draw(50));
    if (draw(5) == 0) out.cancelled = milliseconds(1 + draw(50));
    if (draw(6) == 0) out.asks = {milliseconds(draw(3)), milliseconds(1 + draw(30))};
    return out;
  }
  // Of the rules that held since then the widest.
  std::size_t widest(Duration since, std::size_t (*of)(const Rules&, const Asked&),
                     const Asked& asked) const {
    std::size_t most = 0;
    const Duration now = rig_.world.now() - rig_.begin;
    std::vector<const Rules*> in_order;
    for (const Rules& one : rules_) in_order.push_back(&one);
    std::stable_sort(in_order.begin(), in_order.end(),
                     [](const Rules* a, const Rules* b) { return a->since < b->since; });
    for (std::size_t i = 0; i < in_order.size(); ++i) {
      const bool over = i + 1 < in_order.size() && in_order[i + 1]->since < since;
      if (!over && in_order[i]->since <= now) most = std::max(most, of(*in_order[i], asked));
    }
    return most;
  }
  void judge_begin(const std::string& id, const Asked& asked, Duration since) {
    std::size_t all = 0, same_client = 0, same_tool = 0;
    for (const std::string& other : rig_.running) {
      if (rig_.resumed.count(other) != 0) continue;
      ++all;
      same_client += asked_[other].client == asked.client ? 1U : 0U;
      same_tool += asked_[other].tool == asked.tool ? 1U : 0U;
    }
    const auto limit = [](const Rules& rules, const Asked&) { return rules.limit(); };
    const auto share = [](const Rules& rules, const Asked&) { return rules.share(); };
    const auto tool = [](const Rules& rules, const Asked& of) { return rules.of_tool(of.tool); };
    // What was let in while there was no bulkhead is not counted.
    const bool counted = std::all_of(rules_.begin(), rules_.end(), [](const Rules& one) {
      return one.config.enabled || !one.tools.empty();
    });
    if (!counted) return;
    EXPECT_LT(all, widest(since, limit, asked)) << id;
    EXPECT_LT(same_tool, widest(since, tool, asked)) << id;
    EXPECT_TRUE(asked.client.empty() || same_client < widest(since, share, asked)) << id;
  }
  void judge_end(const std::string& id, const Outcome& outcome) {
    EXPECT_EQ(outcome.times, 1) << id;
    const Asked& asked = asked_[id];
    const bool served = outcome.begun >= Duration::zero();
    if (served) {
      EXPECT_TRUE(outcome.what == "ok" || outcome.what == "cancelled") << id << ": " << outcome.what;
      return;
    }
    // 60 ms is the longest that any of the rules lets a call wait.
    EXPECT_LE(outcome.ended - begun_[id], milliseconds(60)) << id;
    const std::string& what = outcome.what;
    EXPECT_TRUE(what == "overloaded" || (what == "cancelled" && asked.cancelled > Duration::zero()) ||
                (what == "deadline_exceeded" && asked.patience > Duration::zero()))
        << id << ": " << what;
    EXPECT_TRUE(what != "overloaded" || outcome.error->retry_after().has_value()) << id;
  }

  std::mt19937_64 random_;
  const bool limits_tools_;
  std::vector<Rules> rules_;
  std::map<std::string, Asked> asked_;
  std::map<std::string, Duration> begun_;
  BulkheadRig rig_;
};

TEST(BulkheadStorm, PermitsComeBackAndNobodyIsForgotten) {
  for (const std::uint64_t seed : sim::seeds(100)) {
    Storm storm(seed);
    storm.run();
    if (::testing::Test::HasFailure()) FAIL() << "WEIR_SEED=" << seed;
  }
}

}  // namespace
}  // namespace weir
