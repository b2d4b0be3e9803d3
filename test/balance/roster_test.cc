#include "balance/roster.h"

#include <gtest/gtest.h>

#include <string>

namespace weir {
namespace {

/// Endpoints as letters: h healthy, d degraded, u unhealthy, ? unknown, x absent (and unhealthy), b barred, -
/// draining, 0 weightless; a | begins the next priority. The eligible are marked with *, panic with a !.
std::string roster_of(const std::string& text, double threshold) {
  std::vector<Standing> endpoints;
  std::uint32_t priority = 0;
  for (const char c : text) {
    Standing e;
    e.priority = priority;
    switch (c) {
      case '|':
        ++priority;
        continue;
      case 'h':
        e.health = Health::healthy;
        break;
      case 'd':
        e.health = Health::degraded;
        break;
      case 'u':
        e.health = Health::unhealthy;
        break;
      case 'x':
        e.health = Health::unhealthy;
        e.absent = true;
        break;
      case 'b':
        e.health = Health::unhealthy;
        e.barred = true;
        break;
      case '-':
        e.health = Health::healthy;
        e.draining = true;
        break;
      case '0':
        e.health = Health::healthy;
        e.weight = 0;
        break;
      default:
        break;
    }
    endpoints.push_back(e);
  }
  const Roster roster = make_roster(endpoints, threshold);
  std::string result;
  for (const bool eligible : roster.eligible) result += eligible ? '*' : '.';
  EXPECT_EQ(roster.empty(), result.find('*') == std::string::npos);
  return result + (roster.panic ? "!" : "");
}

std::string all_of(const std::string& text, double threshold) {
  std::vector<Standing> endpoints;
  for (const char c : text) {
    Standing e;
    e.priority = static_cast<std::uint32_t>(endpoints.size());
    e.health = c == 'h' ? Health::healthy : Health::unhealthy;
    e.barred = c == 'b';
    endpoints.push_back(e);
  }
  const Roster roster = make_roster(endpoints, threshold);
  std::string result;
  for (std::size_t i = 0; i < endpoints.size(); ++i)
    result += roster.forced[i] ? '+' : roster.eligible[i] ? '*' : roster.spare[i] ? 's' : '.';
  return result;
}

TEST(Roster, SaysWhoIsForcedAndWhoIsToSpare) {
  EXPECT_EQ(all_of("hhu", 0.5), "*s.");
  EXPECT_EQ(all_of("uhh", 0.5), ".*s");
  EXPECT_EQ(all_of("uu", 0.5), "++");
  EXPECT_EQ(all_of("ub", 0.5), "+.");
  EXPECT_EQ(all_of("bb", 0.5), "..");
  EXPECT_EQ(all_of("u", 0), ".");
}

TEST(Roster, ChoosesByHealthPriorityAndPanic) {
  const struct {
    const char* endpoints;
    double threshold;
    const char* wanted;
  } rows[] = {
      {"hbb", 0.5, "*..!"},
      {"bbb", 0.5, "...!"},
      {"bxb", 0.5, ".*.!"},
      {"bux", 0.5, ".*.!"},
      {"hhh", 0.5, "***"},
      {"hdu", 0.5, "**."},     // degraded is well
      {"huu", 0.5, "***!"},    // one of three is too few
      {"hu", 0.5, "*."},       // a half is enough
      {"h", 0.5, "*"},         //
      {"u", 0.5, "*!"},        // the only one
      {"hux", 0.5, "**.!"},    // panic leaves out what is not there
      {"xxx", 0.5, "***!"},    // unless nothing is
      {"hh|hh", 0.5, "**.."},  // backups wait
      {"hu|hh", 0.5, "*..."},  //
      {"huu|hh", 0.5, "*..**"},
      {"uu|hh|h", 0.5, "..**."},
      {"huu|huu|hh", 0.5, "*..*..**"},  // each priority is judged by itself
      {"huu|huu", 0.5, "******!"},
      {"hxu|uux", 0.5, "*.***.!"},
      {"uu|x", 0.5, "**.!"},
      {"???", 0.5, "***"},  // a beginning
      {"??|h", 0.5, "..*"},
      {"h?", 0.5, "*."},
      {"h??", 0.5, "***!"},
      {"?u", 0.5, "*."},
      {"u?|?", 0.5, ".*."},
      {"h-", 0.5, "*."},  // draining ones are not missed
      {"hu---", 0.5, "*...."},
      {"u-", 0.5, "*.!"},  // and get nothing in panic
      {"--", 0.5, ".."},
      {"h0", 0.5, "*."},
      {"00", 0.5, ".."},
      {"-|h", 0.5, ".*"},
      {"", 0.5, ""},
      {"huuuu", 0, "*...."},  // no panic
      {"uuu", 0, "..."},
      {"uu|h", 0, "..*"},
      {"hu|h", 0, "*.."},
      {"hhu", 1, "***!"},  // all must be well
      {"hhh", 1, "***"},
      {"hhhuuuuuuu", 0.3, "***......."},  // exactly the threshold
  };
  for (const auto& row : rows)
    EXPECT_EQ(roster_of(row.endpoints, row.threshold), row.wanted) << row.endpoints;
}

TEST(Roster, PrioritiesAreOrderedByNumberNotByPlace) {
  std::vector<Standing> endpoints(3);
  for (Standing& endpoint : endpoints) endpoint.health = Health::healthy;
  endpoints[0].priority = 7;
  endpoints[2].priority = 2;
  endpoints[1].priority = 2;
  EXPECT_EQ(make_roster(endpoints, 0.5).eligible, (std::vector<bool>{false, true, true}));
}

}  // namespace
}  // namespace weir
