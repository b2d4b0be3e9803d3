#include "obs/log.h"

#include <limits.h>
#include <poll.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <cstdio>
#include <ctime>
#include <utility>

#include "base/json.h"

namespace weir {
namespace {

constexpr std::string_view kModules[] = {"app",    "config", "front",  "gateway",
                                         "health", "child",  "access", "admin"};
constexpr std::string_view kSeverities[] = {"debug", "info", "warn", "error"};
constexpr std::size_t kValueMax = 8192;
constexpr auto kGather = std::chrono::milliseconds(50);

// Writes what the other side takes; waits for it until `stop` and then a last moment. What is left is
// returned.
std::string_view write_all(int fd, std::string_view text, const std::atomic<bool>& stop) {
  constexpr int kStepMs = 100;
  int waits_left = 5;
  while (!text.empty()) {
    pollfd polled{fd, POLLOUT, 0};
    const int ready = ::poll(&polled, 1, kStepMs);
    if (ready == 0 && (!stop || --waits_left > 0)) continue;
    if (ready <= 0 && errno != EINTR) return text;
    // A pipe takes PIPE_BUF without blocking once it is writable.
    const ssize_t written = ::write(fd, text.data(), std::min<std::size_t>(text.size(), PIPE_BUF));
    if (written < 0 && (errno == EINTR || errno == EAGAIN)) continue;
    if (written <= 0) return text;
    text.remove_prefix(static_cast<std::size_t>(written));
  }
  return text;
}

// Valid UTF-8, whatever a child or a peer has sent. What is as it should be is not copied to `own`.
std::string_view cleaned(std::string_view text, std::string& own) {
  const bool valid = utf8_valid(text);
  if (valid && text.size() <= kValueMax) return text;
  own = text;
  if (!valid)
    for (char& c : own)
      if (static_cast<unsigned char>(c) >= 0x80) c = '?';
  if (own.size() > kValueMax) {
    std::size_t keep = kValueMax;
    while (keep > 0 && (static_cast<unsigned char>(own[keep]) & 0xC0U) == 0x80U) --keep;
    own.resize(keep);
    own += "...";
  }
  return own;
}

// How many bytes at `at` are a control character: those of ASCII, and U+0080 to U+009F, which are two bytes
// and which terminals obey, too. 0: it is none.
std::size_t control_at(std::string_view text, std::size_t at) {
  const auto byte = static_cast<unsigned char>(text[at]);
  if (byte < 0x20 || byte == 0x7F) return 1;
  return byte == 0xC2 && at + 1 < text.size() && static_cast<unsigned char>(text[at + 1]) < 0xA0 ? 2 : 0;
}

// As a JSON string that holds no control character at all. Valid UTF-8 in.
void append_quoted(std::string& out, std::string_view text) {
  const std::size_t begin = out.size();
  json_append_string(out, text);
  if (text.find_first_of("\x7F\xC2") == std::string_view::npos) return;
  const std::string json = out.substr(begin);
  out.resize(begin);
  for (std::size_t at = 0, size = 0; at < json.size(); at += std::max<std::size_t>(size, 1)) {
    size = control_at(json, at);
    if (size == 0) {
      out += json[at];
      continue;
    }
    const auto last = static_cast<unsigned char>(json[at + size - 1]);
    out.append("\\u00").append(1, "0123456789abcdef"[last >> 4]).append(1, "0123456789abcdef"[last & 15]);
  }
}

// Three digits.
void append_thousandths(std::string& out, std::int64_t value) {
  out += static_cast<char>('0' + value / 100);
  out += static_cast<char>('0' + value / 10 % 10);
  out += static_cast<char>('0' + value % 10);
}

}  // namespace

std::string_view to_string(Module module) noexcept { return kModules[static_cast<std::size_t>(module)]; }

std::string utc_text(std::chrono::system_clock::time_point time) {
  const auto ms = std::chrono::duration_cast<std::chrono::milliseconds>(time.time_since_epoch()).count();
  // Many lines are of the same second.
  static thread_local std::time_t known = -1;
  static thread_local char text[40];
  static thread_local std::size_t size = 0;
  const auto seconds = static_cast<std::time_t>(ms / 1000);
  if (seconds != known) {
    std::tm parts{};
    gmtime_r(&seconds, &parts);
    size = std::strftime(text, sizeof text, "%Y-%m-%dT%H:%M:%S", &parts);
    known = seconds;
  }
  std::string out(text, size);
  out += '.';
  append_thousandths(out, ms % 1000);
  out += 'Z';
  return out;
}

Log::Log(int fd) : fd_(fd), thread_([this] { run(); }) { set_options(LogOptions()); }

Log::~Log() {
  {
    std::lock_guard lock(lock_);
    stop_ = true;
  }
  stopping_ = true;
  wake_.notify_one();
  thread_.join();
}

void Log::set_options(const LogOptions& options) {
  for (std::size_t i = 0; i < levels_.size(); ++i) levels_[i] = options.modules[i].value_or(options.level);
  json_ = options.json;
}

void Log::write(std::string_view line, bool urgent) {
  bool wake = false;
  {
    std::lock_guard lock(lock_);
    if (held_.size() + line.size() > kHeldMax) {
      dropped_.fetch_add(1, std::memory_order_relaxed);
      return;
    }
    // The writer looks by itself while lines come; it is woken only from its sleep.
    wake = held_.empty() || (urgent && !urgent_);
    urgent_ = urgent_ || urgent;
    held_.append(line);
  }
  if (wake) wake_.notify_one();
}

void Log::flush() {
  std::unique_lock lock(lock_);
  urgent_ = true;
  wake_.notify_one();
  written_.wait(lock, [&] { return held_.empty() && !writing_; });
}

void Log::run() {
  std::unique_lock lock(lock_);
  while (true) {
    wake_.wait(lock, [&] { return !held_.empty() || stop_; });
    if (!urgent_ && !stop_) wake_.wait_for(lock, kGather, [&] { return urgent_ || stop_; });
    const std::string batch = std::exchange(held_, {});
    const std::uint64_t dropped = dropped_.load(std::memory_order_relaxed);
    const std::uint64_t news = dropped - std::exchange(told_, dropped);
    urgent_ = false;
    writing_ = true;
    const bool last = stop_;
    lock.unlock();
    const std::string_view left = write_all(fd_, batch, stopping_);
    dropped_.fetch_add(static_cast<std::uint64_t>(std::count(left.begin(), left.end(), '\n')),
                       std::memory_order_relaxed);
    if (news != 0) {
      const std::string count = std::to_string(news);
      const std::string line = json() ? "{\"time\":\"" + utc_text(std::chrono::system_clock::now()) +
                                            "\",\"level\":\"warn\",\"module\":\"app\",\"message\":"
                                            "\"log lines dropped\",\"count\":" +
                                            count + "}\n"
                                      : "log lines dropped: " + count + "\n";
      write_all(fd_, line, stopping_);
    }
    lock.lock();
    writing_ = false;
    written_.notify_all();
    if (last && held_.empty()) return;
  }
}

LogLine::LogLine(Log& log, Module module, Severity severity, std::string_view message)
    : log_(log), on_(log.enabled(module, severity)), json_(log.json()), urgent_(severity >= Severity::warn) {
  if (!on_) return;
  const std::string now = utc_text(std::chrono::system_clock::now());
  const std::string_view level = kSeverities[static_cast<std::size_t>(severity)];
  line_.reserve(512);
  std::string own;
  if (json_) {
    line_.append("{\"time\":\"").append(now).append("\",\"level\":\"").append(level);
    line_.append("\",\"module\":\"").append(to_string(module)).append("\",\"message\":");
    append_quoted(line_, cleaned(message, own));
  } else {
    line_.append(now, 11, 12).append(" ").append(level).append(level.size() < 5 ? "  " : " ");
    line_.append(to_string(module)).append("  ");
    const std::string_view text = cleaned(message, own);
    for (std::size_t at = 0, size = 0; at < text.size(); at += std::max<std::size_t>(size, 1)) {
      size = control_at(text, at);
      line_ += size == 0 ? text[at] : ' ';
    }
  }
}

void LogLine::name(std::string_view name) {
  if (json_)
    line_.append(",\"").append(name).append("\":");
  else
    line_.append(" ").append(name).append("=");
}

LogLine& LogLine::text(std::string_view name_text, std::string_view value) {
  if (!on_) return *this;
  name(name_text);
  bool bare = !json_ && !value.empty();
  for (std::size_t at = 0; bare && at < value.size(); ++at)
    bare = value[at] != ' ' && value[at] != '"' && control_at(value, at) == 0;
  std::string own;
  if (bare)
    line_ += cleaned(value, own);
  else
    append_quoted(line_, cleaned(value, own));
  return *this;
}

LogLine& LogLine::number(std::string_view name_text, std::int64_t value) {
  if (!on_) return *this;
  name(name_text);
  line_ += std::to_string(value);
  return *this;
}

LogLine& LogLine::milliseconds(std::string_view name_text, std::chrono::nanoseconds value) {
  if (!on_) return *this;
  name(name_text);
  const std::int64_t thousandths = (std::max<std::int64_t>(value.count(), 0) + 500) / 1000;
  line_ += std::to_string(thousandths / 1000);
  line_ += '.';
  append_thousandths(line_, thousandths % 1000);
  return *this;
}

LogLine::~LogLine() {
  if (!on_) return;
  line_ += json_ ? "}\n" : "\n";
  log_.write(line_, urgent_);
}

}  // namespace weir
