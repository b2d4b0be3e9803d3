#include "config/variables.h"

#include <gtest/gtest.h>

#include <cstdlib>

namespace weir {
namespace {

std::optional<std::string> lookup(std::string_view name) {
  if (name == "A") return "one";
  if (name == "EMPTY") return "";
  if (name == "NESTED") return "${A}";
  return std::nullopt;
}

TEST(ConfigVariables, Substitutes) {
  const std::pair<std::string_view, std::string_view> cases[] = {
      {"", ""},
      {"plain $ text } {", "plain $ text } {"},
      {"${A}", "one"},
      {"x${A}y${env:A}z", "xoneyonez"},
      {"${EMPTY}", ""},
      {"${EMPTY:-d}", "d"},
      {"${NONE:-d e:-f}", "d e:-f"},
      {"${NONE:-}", ""},
      {"${env:NONE:-d}", "d"},
      {"${A:-d}", "one"},
      {"${NESTED}", "${A}"},
      {"$${A}", "${A}"},
      {"a$${A}${A}", "a${A}one"},
      {"$A", "$A"},
  };
  for (const auto& [text, expected] : cases) {
    const Substitution result = substitute(text, lookup);
    EXPECT_EQ(result.fault, "") << text;
    EXPECT_EQ(result.text, expected) << text;
  }
  EXPECT_TRUE(substitute("${A}", lookup).substituted);
  EXPECT_FALSE(substitute("$${A}", lookup).substituted);
}

TEST(ConfigVariables, SaysWhyNot) {
  const struct {
    std::string_view text;
    std::size_t offset;
    std::string_view fault;
  } cases[] = {
      {"ab${NONE}", 2, "the environment variable \"NONE\" is not set (${NONE:-default} gives a default)"},
      {"${env:NONE}", 0, "the environment variable \"NONE\" is not set (${NONE:-default} gives a default)"},
      {"${A", 0, "${ without its }; $${ is a literal ${"},
      {"${}", 0, "${} is no variable: write ${NAME}, ${NAME:-default} or ${env:NAME}; $${ is a literal ${"},
      {"${1A}", 0,
       "${1A} is no variable: write ${NAME}, ${NAME:-default} or ${env:NAME}; $${ is a literal ${"},
      {"${A${A}}", 0, "a variable inside another's default is not supported"},
      {"${NONE:-${A}}", 0, "a variable inside another's default is not supported"},
      {"${input:key}", 0,
       "${input:key} is asked for by VS Code; set an environment variable and write ${NAME} instead"},
  };
  for (const auto& c : cases) {
    const Substitution result = substitute(c.text, lookup);
    EXPECT_EQ(result.fault, c.fault) << c.text;
    EXPECT_EQ(result.offset, c.offset) << c.text;
  }
}

TEST(ConfigVariables, ReadsTheProcessEnvironment) {
  ::setenv("WEIR_TEST_VARIABLE", "value", 1);
  EXPECT_EQ(process_environment()("WEIR_TEST_VARIABLE"), "value");
  ::unsetenv("WEIR_TEST_VARIABLE");
  EXPECT_EQ(process_environment()("WEIR_TEST_VARIABLE"), std::nullopt);
}

}  // namespace
}  // namespace weir
