// What a child or a peer says, on its way into the log: cut into lines as a plain split cuts it, however it
// comes; one line of the log for each, in which nothing of it is a control character; and no more lines than
// the quota has room for. Three bytes choose the way; then comes the text.
#include <sys/mman.h>
#include <unistd.h>

#include <chrono>
#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "base/check.h"
#include "fuzz/input.h"
#include "fuzz/plain_json.h"
#include "obs/log.h"
#include "transport/log_quota.h"
#include "transport/stdio_framer.h"

namespace {

// What one line becomes.
std::string logged(bool json, std::string_view text) {
  static const int fd = memfd_create("log", MFD_CLOEXEC);
  static auto* const log = new weir::Log(fd);  // for as long as the process lives
  weir::LogOptions options;
  options.json = json;
  log->set_options(options);
  weir::LogLine(*log, weir::Module::child, weir::Severity::warn, text).text("server", text).number("n", 1);
  log->flush();
  const off_t size = lseek(fd, 0, SEEK_CUR);
  std::string out(static_cast<std::size_t>(size), '\0');
  WEIR_CHECK(pread(fd, out.data(), out.size(), 0) == size);
  WEIR_CHECK(ftruncate(fd, 0) == 0 && lseek(fd, 0, SEEK_SET) == 0);
  return out;
}

// No terminal takes any of it for a command: neither the controls of ASCII nor those of U+0080 to U+009F.
void check_calm(std::string_view line) {
  while (!line.empty()) {
    const auto c = weir::fuzz::take_character(line);
    WEIR_CHECK(c && *c >= 0x20 && (*c < 0x7F || *c > 0x9F));
  }
}

void check_line(std::string_view text) {
  for (const bool json : {false, true}) {
    const std::string line = logged(json, text);
    WEIR_CHECK(line.find('\n') == line.size() - 1);
    check_calm(std::string_view(line).substr(0, line.size() - 1));
    if (!json) continue;
    const auto tree = weir::fuzz::maybe_json(line);
    WEIR_CHECK(tree && tree->names.size() == 6 && tree->names[5] == "n");
    const bool kept = text.size() <= 8192 && weir::fuzz::plain_utf8(text);
    if (kept) WEIR_CHECK(tree->find("message")->text == text && tree->find("server")->text == text);
  }
}

bool blank(std::string_view line) { return line.find_first_not_of(" \t\r") == std::string_view::npos; }

// A line's text, and '<' where its rest was dropped.
void check_lines(std::string_view text, std::size_t line_max, const std::vector<std::string>& lines) {
  std::size_t at = 0;
  while (!text.empty()) {
    std::string_view line = text.substr(0, text.find('\n'));
    text.remove_prefix(std::min(line.size() + 1, text.size()));
    const bool cut = line.size() > line_max;
    if (line.ends_with('\r') && !cut) line.remove_suffix(1);
    if (!cut) {
      if (!blank(line)) WEIR_CHECK(at < lines.size() && lines[at++] == std::string(line) + ">");
      continue;
    }
    // Cut between two characters: a few bytes may be missing.
    const std::string_view most = line.substr(0, line_max);
    const bool little = blank(most.substr(0, most.size() - std::min<std::size_t>(most.size(), 4)));
    const bool told = at < lines.size() && lines[at].ends_with('<') &&
                      most.starts_with(lines[at].substr(0, lines[at].size() - 1));
    WEIR_CHECK(told || little);  // what is blank without them is left out
    if (!told) continue;
    const std::string_view got = std::string_view(lines[at]).substr(0, lines[at].size() - 1);
    ++at;
    WEIR_CHECK(got.size() + 4 >= most.size());
    if (weir::fuzz::plain_utf8(line)) WEIR_CHECK(weir::fuzz::plain_utf8(got));
  }
  WEIR_CHECK(at == lines.size());
}

std::vector<std::string> fed(std::string_view text, std::size_t line_max, std::size_t slice) {
  std::vector<std::string> out;
  weir::LogLines lines(line_max);
  const auto each = [&](weir::LogLines::Line line) {
    out.push_back(std::string(line.text) + (line.cut ? "<" : ">"));
  };
  for (std::size_t at = 0; at < text.size(); at += slice)
    lines.feed(std::string(text.substr(at, slice)), each);
  lines.finish(each);
  return out;
}

// Each byte is a pause; what has been let through never exceeds what is let through at once and per second.
void check_quota(std::string_view pauses) {
  using std::chrono::milliseconds;
  weir::LogQuota quota;
  const auto begin = weir::LogQuota::TimePoint(std::chrono::hours(1));
  auto now = begin;
  std::size_t admitted = 0;
  std::size_t dropped = 0;
  for (const char c : pauses) {
    now += milliseconds(static_cast<unsigned char>(c) % 64);
    for (int i = 0; i < 40; ++i) admitted += quota.admit(now) ? 1U : 0U;
    const double room = weir::LogQuota::kAtOnce +
                        weir::LogQuota::kPerSecond * std::chrono::duration<double>(now - begin).count();
    WEIR_CHECK(static_cast<double>(admitted) <= room + 0.001);
  }
  dropped = quota.take_dropped();
  WEIR_CHECK(admitted + dropped == pauses.size() * 40 && quota.take_dropped() == 0);
  WEIR_CHECK(dropped == 0 || admitted >= static_cast<std::size_t>(weir::LogQuota::kAtOnce));
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  if (size > 16384) return 0;
  weir::fuzz::Input input(data, size);
  const std::size_t line_max = input.below(64) + 1U;
  const std::size_t slice = input.below(64) + 1U;
  const std::size_t way = input.below(8);
  const std::string_view text = input.rest();
  const std::vector<std::string> whole = fed(text, line_max, text.size() + 1);
  check_lines(text, line_max, whole);
  WEIR_CHECK(fed(text, line_max, slice) == whole);
  check_quota(text.substr(0, 128));
  if (way == 0) check_line(text);  // by way of another thread, which takes its time
  return 0;
}
