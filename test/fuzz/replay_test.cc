// Every fuzz target over its corpus, once: what was found before is not lost, and no target rots. A target
// that finds something aborts; the input is named then.
#include <gtest/gtest.h>
#include <unistd.h>

#include <algorithm>
#include <csignal>
#include <cstdint>
#include <cstring>
#include <filesystem>
#include <fstream>
#include <iterator>
#include <string>
#include <vector>

#define WEIR_REPLAY(name) extern "C" int weir_replay_##name(const std::uint8_t* data, std::size_t size);
#include "fuzz_targets.inc"
#undef WEIR_REPLAY

namespace weir {
namespace {

struct Target {
  std::string name;  // of its corpus
  int (*run)(const std::uint8_t* data, std::size_t size);
};

std::vector<Target> targets() {
  const auto corpus = [](const std::string& name) { return name.substr(0, name.rfind("_fuzz")); };
  return {
#define WEIR_REPLAY(name) Target{corpus(#name), weir_replay_##name},
#include "fuzz_targets.inc"
#undef WEIR_REPLAY
  };
}

char g_input[512];  // which one runs; for the handler of a signal

void name_input(int) {
  for (const char* const text : {"fuzz input: ", static_cast<const char*>(g_input), "\n"})
    if (::write(STDERR_FILENO, text, std::strlen(text)) < 0) break;
}

class Fuzz : public testing::TestWithParam<Target> {
 protected:
  Fuzz() : before_(std::signal(SIGABRT, name_input)) {}
  ~Fuzz() override { std::signal(SIGABRT, before_); }

 private:
  void (*before_)(int);
};

TEST_P(Fuzz, TheCorpusHoldsNothingAgainstIt) {
  const std::filesystem::path corpus =
      std::filesystem::path(WEIR_SOURCE_DIR) / "test/fuzz/corpus" / GetParam().name;
  std::vector<std::filesystem::path> files(1);  // the empty input is one that every fuzzer begins with
  for (const auto& entry : std::filesystem::directory_iterator(corpus)) files.push_back(entry.path());
  ASSERT_GT(files.size(), 1u) << "no corpus for " << GetParam().name;
  std::sort(files.begin(), files.end());
  for (const std::filesystem::path& path : files) {
    std::ifstream file(path, std::ios::binary);
    const std::vector<char> bytes{std::istreambuf_iterator<char>(file), std::istreambuf_iterator<char>()};
    std::strncpy(g_input, path.c_str(), sizeof g_input - 1);
    // In storage of exactly this size, so that a read behind the end is seen.
    GetParam().run(reinterpret_cast<const std::uint8_t*>(bytes.data()), bytes.size());
  }
}

INSTANTIATE_TEST_SUITE_P(Targets, Fuzz, testing::ValuesIn(targets()),
                         [](const auto& target) { return target.param.name; });

}  // namespace
}  // namespace weir
